//! A window that slides over a file: looks ahead as far as asked, and knows its line.

use std::io::{self, Read};

/// How much is read at once.
const STEP: usize = 256 * 1024;

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: u64,
    /// In bytes, from 0.
    pub offset: u64,
}

/// See the module.
pub(super) struct Source<R> {
    input: R,
    /// Holds what was read, up to `filled`; what is before `at` is not needed any more.
    window: Vec<u8>,
    at: usize,
    filled: usize,
    place: Place,
    ended: bool,
}

impl<R: Read> Source<R> {
    pub(super) fn new(input: R) -> Self {
        let place = Place { line: 1, offset: 0 };
        Self { input, window: Vec::new(), at: 0, filled: 0, place, ended: false }
    }

    /// Where the next byte stands.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// What is in the window, from the next byte on.
    pub(super) fn ahead(&self) -> &[u8] {
        &self.window[self.at..self.filled]
    }

    /// Whether so many bytes are ahead, after reading on where needed.
    pub(super) fn has(&mut self, length: usize) -> io::Result<bool> {
        while self.ahead().len() < length && !self.ended {
            self.read_on()?;
        }
        Ok(self.ahead().len() >= length)
    }

    /// The byte so many places ahead.
    pub(super) fn peek(&mut self, ahead: usize) -> io::Result<Option<u8>> {
        self.has(ahead + 1)?;
        Ok(self.ahead().get(ahead).copied())
    }

    /// Goes on by so many bytes of the window.
    pub(super) fn advance(&mut self, length: usize) {
        let passed = &self.window[self.at..self.at + length];
        let lines = passed.split(|byte| *byte == b'\n').count() - 1;
        self.place.line += lines as u64;
        self.place.offset += length as u64;
        self.at += length;
    }

    /// Goes on to the next byte that is not one of these, and answers it.
    pub(super) fn skip(&mut self, these: &[u8]) -> io::Result<Option<u8>> {
        loop {
            let rest = self.ahead();
            let passed = rest.iter().position(|byte| !these.contains(byte)).unwrap_or(rest.len());
            self.advance(passed);
            match self.peek(0)? {
                Some(byte) if these.contains(&byte) => {}
                found => return Ok(found),
            }
        }
    }

    fn read_on(&mut self) -> io::Result<()> {
        if self.at > 0 && (self.at >= STEP || self.filled == self.window.len()) {
            self.window.copy_within(self.at..self.filled, 0);
            (self.at, self.filled) = (0, self.filled - self.at);
        }
        if self.filled == self.window.len() {
            // Doubles, so that a long value is not copied at every step.
            self.window.resize(STEP.max(self.filled * 2), 0);
        }
        let read = loop {
            match self.input.read(&mut self.window[self.filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.filled += read;
        self.ended = read == 0;
        Ok(())
    }
}
