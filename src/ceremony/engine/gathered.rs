//! Signatures that were made elsewhere: counted, put together and walked as if they had been made here.

use std::collections::BTreeMap;

use crate::tuf::document::DocRole;
use crate::tuf::name::KeyName;
use crate::tuf::signature::Signature;
use crate::tuf::time::Timestamp;

use super::super::check::{Checked, Ground};
use super::super::event::{Opening, ToolId};
use super::super::plan::Plan;
use super::super::request::Request;
use super::super::walk;
use super::outcome;
use super::state::State;

/// A complete set of signed documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complete {
    /// The documents under the names that clients ask for.
    pub served: BTreeMap<String, Vec<u8>>,
    /// The files of the export.
    pub exported: BTreeMap<String, Vec<u8>>,
    /// The documents as a workspace keeps them, below its folder of trusted documents.
    pub trusted: BTreeMap<String, Vec<u8>>,
}

impl State {
    /// The state of a ceremony in which these signatures were made on what a request leads to.
    pub(in crate::ceremony) fn gathered(
        request: &Request,
        at: Timestamp,
        signatures: BTreeMap<DocRole, Vec<(KeyName, Signature)>>,
    ) -> Self {
        let plan = request.played();
        let facts = request.facts();
        let opening = Opening {
            mode: facts.mode,
            session: facts.session,
            tool: ToolId { name: "anchorite".to_owned(), version: String::new() },
            plan: facts.plan,
            base: facts.base,
            at,
            check: None,
            unattended: false,
            asked: None,
            earlier: Vec::new(),
        };
        let checked = Checked::on_record(plan.clone(), None);
        let mut state = Self::new(&Ground::new(checked, request.before().clone()), opening);
        state.roster = request.roster().clone();
        state.derive(plan);
        state.signatures = signatures;
        state
    }

    /// The documents and their export. The error says what some client refuses.
    pub(in crate::ceremony) fn complete(mut self, plan: &Plan) -> Result<Complete, String> {
        self.served = outcome::served(plan, &self);
        if let Some(why) = walk::refused(plan, &self) {
            return Err(why);
        }
        Ok(Complete {
            exported: self.export(plan),
            trusted: outcome::trusted(plan, &self),
            served: self.served,
        })
    }
}
