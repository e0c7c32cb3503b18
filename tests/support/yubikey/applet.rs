//! The applications of a card: PIV, and the two that only tell about the card.

use super::apdu::{Answer, BAD_PARAMETERS, Command, NOT_FOUND, UNKNOWN_INSTRUCTION};
use super::controls::{Controls, Effect};
use super::piv::{Piv, Session};
use super::tlv::element;

pub(super) const PIV_FULL: [u8; 11] = [0xa0, 0, 0, 3, 8, 0, 0, 0x10, 0, 1, 0];
const PIV: [u8; 5] = [0xa0, 0, 0, 3, 8];
const MANAGEMENT: [u8; 8] = [0xa0, 0, 0, 5, 0x27, 0x47, 0x11, 0x17];
const OTP: [u8; 7] = [0xa0, 0, 0, 5, 0x27, 0x20, 0x01];
const SELECT: u8 = 0xa4;
/// PIV and OTP over USB, as [`Applications::configuration`] says it.
const CAPABILITIES: [u8; 2] = [0, 0x11];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selected {
    Nothing,
    Piv,
    Management,
    Otp,
}

#[derive(Debug)]
pub(super) struct Applications {
    pub(super) piv: Piv,
    selected: Selected,
}

impl Applications {
    pub(super) fn new(piv: Piv) -> Self {
        Self { piv, selected: Selected::Nothing }
    }

    /// The power comes or goes: nothing is selected and nobody is logged in.
    pub(super) fn power(&mut self) {
        self.selected = Selected::Nothing;
        self.piv.session = Session::default();
    }

    pub(super) fn run(
        &mut self,
        command: &Command,
        controls: &Controls,
        effect: Option<Effect>,
    ) -> Answer {
        if command.instruction == SELECT {
            return self.select(command);
        }
        match (self.selected, command.instruction, command.p1) {
            (Selected::Piv, ..) => self.piv.run(command, controls, effect),
            (Selected::Management, 0x1d, 0) => self.configuration().into(),
            (Selected::Otp, 0x01, 0x10) => self.piv.identity.serial.to_be_bytes().to_vec().into(),
            (Selected::Otp, 0x03, _) => self.otp_status().into(),
            _ => UNKNOWN_INSTRUCTION.into(),
        }
    }

    fn select(&mut self, command: &Command) -> Answer {
        if command.p1 != 4 {
            return BAD_PARAMETERS.into();
        }
        // A name may be cut short.
        let named = |full: &[u8], least: &[u8]| {
            full.starts_with(&command.data) && command.data.starts_with(least)
        };
        let (selected, answer) = if named(&PIV_FULL, &PIV) {
            let rest = PIV_FULL.split_at(PIV.len()).1;
            let authority = element(&[0x79], &element(&[0x4f], &PIV));
            let template = element(&[0x61], &[element(&[0x4f], rest), authority].concat());
            (Selected::Piv, template)
        } else if named(&MANAGEMENT, &MANAGEMENT) {
            let words = format!("Virtual mgr - FW version {}", self.piv.identity.firmware);
            (Selected::Management, words.into_bytes())
        } else if named(&OTP, &OTP) {
            (Selected::Otp, self.otp_status())
        } else {
            return NOT_FOUND.into();
        };
        self.selected = selected;
        // Assumed: selecting PIV anew logs out, too. The touch is a matter of the finger, not of the application.
        let touched = self.piv.session.touched;
        self.piv.session = Session { touched, ..Session::default() };
        answer.into()
    }

    fn otp_status(&self) -> Vec<u8> {
        [self.piv.identity.firmware.0.as_slice(), &[1, 0, 0]].concat()
    }

    /// READ CONFIG.
    fn configuration(&self) -> Vec<u8> {
        let identity = &self.piv.identity;
        let fields = [
            element(&[0x01], &CAPABILITIES),
            element(&[0x02], &identity.serial.to_be_bytes()),
            element(&[0x03], &CAPABILITIES),
            element(&[0x04], &[identity.form_factor]),
            element(&[0x05], &identity.firmware.0),
            element(&[0x06], &[0, 0]),
            element(&[0x07], &[15]),
            element(&[0x08], &[0]),
            element(&[0x0a], &[0]),
        ]
        .concat();
        let length = u8::try_from(fields.len()).expect("a few short fields");
        [vec![length], fields].concat()
    }
}
