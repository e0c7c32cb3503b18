//! Commands and answers as bytes (ISO 7816-4): short and extended, chained, and answers fetched in pieces.

/// What came of a command.
pub(crate) type Status = u16;

pub(super) const OK: Status = 0x9000;
/// No right: no PIN, no management key, or no touch.
pub(super) const NOT_ALLOWED: Status = 0x6982;
/// No tries are left.
pub(super) const BLOCKED: Status = 0x6983;
/// It cannot be done in this state.
pub(super) const NOT_NOW: Status = 0x6985;
pub(super) const BAD_DATA: Status = 0x6a80;
pub(super) const NOT_FOUND: Status = 0x6a82;
pub(super) const NO_ROOM: Status = 0x6a84;
pub(super) const BAD_PARAMETERS: Status = 0x6a86;
/// The thing that P1 or P2 names is not there.
pub(super) const NO_REFERENCE: Status = 0x6a88;
pub(super) const UNKNOWN_INSTRUCTION: Status = 0x6d00;
const UNKNOWN_CLASS: Status = 0x6e00;
const WRONG_LENGTH: Status = 0x6700;

const GET_RESPONSE: u8 = 0xc0;
const CHAINED: u8 = 0x10;
const SHORT: usize = 256;
const EXTENDED: usize = 65_536;

/// A whole command: chained pieces are already one.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) class: u8,
    pub(super) instruction: u8,
    pub(super) p1: u8,
    pub(super) p2: u8,
    pub(super) data: Vec<u8>,
    /// How many bytes the answer may have at a time.
    room: usize,
}

impl Command {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (&[class, instruction, p1, p2], body) = bytes.split_first_chunk::<4>()?;
        let with = |data: &[u8], room| {
            Some(Self { class, instruction, p1, p2, data: data.to_vec(), room })
        };
        match body {
            [] | [_] => with(&[], SHORT),
            [0, high, low, rest @ ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                match rest.split_at_checked(length) {
                    _ if rest.is_empty() => with(&[], EXTENDED),
                    Some((data, [] | [_, _])) => with(data, EXTENDED),
                    Some(_) | None => None,
                }
            }
            [length, rest @ ..] => match rest.split_at_checked(usize::from(*length)) {
                Some((data, [] | [_])) => with(data, SHORT),
                Some(_) | None => None,
            },
        }
    }
}

/// An answer: bytes and how it went.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) data: Vec<u8>,
    pub(super) status: Status,
}

impl From<Status> for Answer {
    fn from(status: Status) -> Self {
        Self { data: Vec::new(), status }
    }
}

impl From<Vec<u8>> for Answer {
    fn from(data: Vec<u8>) -> Self {
        Self { data, status: OK }
    }
}

impl From<Result<Vec<u8>, Status>> for Answer {
    fn from(result: Result<Vec<u8>, Status>) -> Self {
        match result {
            Ok(data) => data.into(),
            Err(status) => status.into(),
        }
    }
}

/// Puts chained commands together and hands long answers out in pieces.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    gathered: Vec<u8>,
    rest: Vec<u8>,
}

/// What the bytes from the reader ask for.
pub(super) enum Step {
    /// The exchange answered by itself.
    Answered(Vec<u8>),
    /// A whole command, to be run and then finished with [`Exchange::finish`].
    Run(Command),
}

impl Exchange {
    /// Takes the bytes of one command from the reader.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Step {
        let Some(mut command) = Command::parse(bytes) else {
            return Step::Answered(WRONG_LENGTH.to_be_bytes().to_vec());
        };
        if command.instruction == GET_RESPONSE {
            return Step::Answered(self.next_piece(command.room));
        }
        self.rest.clear();
        match command.class {
            CHAINED => {
                self.gathered.append(&mut command.data);
                Step::Answered(OK.to_be_bytes().to_vec())
            }
            0 => {
                let mut data = std::mem::take(&mut self.gathered);
                data.append(&mut command.data);
                Step::Run(Command { data, ..command })
            }
            _ => {
                self.gathered.clear();
                Step::Answered(UNKNOWN_CLASS.to_be_bytes().to_vec())
            }
        }
    }

    /// The bytes for the reader: the whole answer, or its first piece.
    pub(super) fn finish(&mut self, command: &Command, answer: Answer) -> Vec<u8> {
        if answer.status != OK {
            return [answer.data, answer.status.to_be_bytes().to_vec()].concat();
        }
        self.rest = answer.data;
        self.next_piece(command.room)
    }

    fn next_piece(&mut self, room: usize) -> Vec<u8> {
        let later = self.rest.split_off(self.rest.len().min(room));
        let mut piece = std::mem::replace(&mut self.rest, later);
        match self.rest.len() {
            0 => piece.extend_from_slice(&OK.to_be_bytes()),
            // 61 00 means 256 or more.
            left => piece.extend_from_slice(&[0x61, u8::try_from(left).unwrap_or(0)]),
        }
        piece
    }
}
