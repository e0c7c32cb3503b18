//! What a ceremony of one key stands on: a request, limited to that key.

use crate::tuf::digest::Digest;
use crate::tuf::name::{KeyName, RepoName};
use crate::tuf::time::Timestamp;

use super::super::plan::{Label, Plan};
use super::super::recipe::{DocRecipe, Recipe};
use super::super::roster::{Facts, Roster};
use super::Request;

/// What another machine asks for: one key's signatures on documents whose keys are all known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// SHA-256 of the request.
    pub request: Digest,
    /// The key that signs here.
    pub key: KeyName,
    /// The keys, proofs and certificates of all.
    pub roster: Roster,
    /// What the documents are drafted from.
    pub facts: Facts,
    /// Nobody signs it after this.
    pub use_by: Timestamp,
    /// What is signed here.
    pub recipe: Recipe,
    /// The repository, for words.
    pub repository: RepoName,
}

impl Asked {
    /// Limits a request to one key; nothing where no signature of that key counts.
    pub fn new(request: &Request, key: &KeyName) -> Option<Self> {
        let asks: Vec<_> = request.asks(key).iter().map(|p| p.id().role.clone()).collect();
        let here = |doc: DocRecipe| {
            asks.contains(&doc.role).then(|| DocRecipe { signers: vec![key.clone()], ..doc })
        };
        let all = Recipe::of(request.played());
        let recipe = Recipe {
            certificates: Vec::new(),
            documents: all.documents.into_iter().filter_map(here).collect(),
            closing: Vec::new(),
            pending: all.pending,
        };
        (!asks.is_empty()).then(|| Self {
            request: request.digest(),
            key: key.clone(),
            roster: request.roster().clone(),
            facts: *request.facts(),
            use_by: request.use_by(),
            recipe,
            repository: request.played().repository.name.clone(),
        })
    }

    /// Who answers: the key's holder, as the plan calls them.
    pub fn signer(&self, plan: &Plan) -> String {
        let holder = plan.key(&self.key).and_then(|key| key.holder.as_ref()).map(Label::as_str);
        holder.map_or_else(|| format!("the holder of {}", self.key), str::to_owned)
    }
}
