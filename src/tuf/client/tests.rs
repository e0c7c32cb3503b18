//! What the TUF client takes and what it refuses, each with its accepted twin.
