//! Splits an export into its records while it is read, whatever its size and its form.
//!
//! A damaged record costs only itself: reading goes on where it ends, or where the next one
//! begins if its quotes or brackets do not match.

use std::io::{self, Read};

use serde_json::value::RawValue;

use super::scan::{
    BLANK, Brackets, GLANCE, Signature, export_ends, goes_on, list_ends, member_begins,
};
use super::source::{Place, Source};

/// The largest record that is taken, in bytes.
pub const MAX_RECORD: usize = 32 * 1024 * 1024;

/// A part of an export.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Something that cannot be read; reading goes on behind it.
    Damage(Damage),
    /// A member of the root object other than the messages: its name and its JSON.
    Member { name: String, json: &'a str },
    /// An element of `messages`: its number from 1, where it begins, and its JSON.
    Record { number: u64, place: Place, json: &'a str },
}

/// What cannot be read, where, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub place: Place,
    /// The number of the record in `messages`, from 1; none for what is no record.
    pub record: Option<u64>,
    pub reason: String,
}

/// See the module.
pub struct ExportReader<R> {
    source: Source<R>,
    state: State,
    signature: Option<Signature>,
    max_record: usize,
    /// Whether the list of messages was seen.
    listed: bool,
    records: u64,
    cut: bool,
    /// The length of what was answered last.
    answered: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Root,
    Messages,
    End,
}

/// How the search for a value's end came out.
enum Found {
    Whole(usize),
    Broken,
    Cut,
    TooLarge,
}

impl<R: Read> ExportReader<R> {
    pub fn new(input: R) -> Self {
        Self::with_max_record(input, MAX_RECORD)
    }

    /// Takes records of at most so many bytes.
    pub fn with_max_record(input: R, max_record: usize) -> Self {
        let (source, state) = (Source::new(input), State::Start);
        let (signature, listed, records, cut, answered) = (None, false, 0, false, 0);
        Self { source, state, signature, max_record, listed, records, cut, answered }
    }

    /// How far it was read.
    pub fn place(&self) -> Place {
        self.source.place()
    }

    /// How many records there were so far, damaged ones included.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Whether the file ended before the export did.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// The next part; none at the end. Fails only when the file cannot be read.
    pub fn next_part(&mut self) -> io::Result<Option<Part<'_>>> {
        self.source.advance(std::mem::take(&mut self.answered));
        loop {
            match self.state {
                State::Start => {
                    if let Some(damage) = self.start()? {
                        return Ok(Some(Part::Damage(damage)));
                    }
                }
                State::Root => match self.source.skip(b" \t\r\n,")? {
                    None => self.end(true),
                    Some(b'}') => {
                        self.source.advance(1);
                        self.source.skip(BLANK)?;
                        self.end(false);
                    }
                    Some(b'"') => return self.member(),
                    Some(_) => {
                        let damage = self.damage(None, "this is not part of an export".into());
                        self.recover(false)?;
                        return Ok(Some(Part::Damage(damage)));
                    }
                },
                State::Messages => match self.source.skip(b" \t\r\n,")? {
                    None => self.end(true),
                    Some(b']') if self.list_ends()? => {
                        self.source.advance(1);
                        self.state = State::Root;
                    }
                    Some(_) => return self.record(),
                },
                State::End => return Ok(None),
            }
        }
    }

    fn list_ends(&mut self) -> io::Result<bool> {
        self.source.has(GLANCE)?;
        Ok(list_ends(self.source.ahead()))
    }

    fn start(&mut self) -> io::Result<Option<Damage>> {
        if self.source.has(3)? && self.source.ahead().starts_with(b"\xEF\xBB\xBF") {
            self.source.advance(3);
        }
        if self.source.skip(BLANK)? == Some(b'{') {
            self.source.advance(1);
            self.state = State::Root;
            return Ok(None);
        }
        let reason = "this is no DiscordChatExporter file: it must be a JSON object";
        self.state = State::End;
        Ok(Some(self.damage(None, reason.to_owned())))
    }

    fn member(&mut self) -> io::Result<Option<Part<'_>>> {
        let Some((name, length)) = self.name()? else {
            let damage = self.damage(None, "this is not part of an export".into());
            self.recover(false)?;
            return Ok(Some(Part::Damage(damage)));
        };
        let place = self.source.place();
        self.source.advance(length);
        let first = self.source.skip(BLANK)?;
        if name == "messages" && first == Some(b'[') {
            self.source.advance(1);
            (self.state, self.listed) = (State::Messages, true);
            return self.next_part();
        }
        match self.value()? {
            Ok(length) => {
                self.answered = length;
                match std::str::from_utf8(&self.source.ahead()[..length]) {
                    Ok(json) => Ok(Some(Part::Member { name, json })),
                    Err(_) => Ok(None),
                }
            }
            Err(reason) => {
                self.recover(true)?;
                let reason = format!("“{name}”: {reason}");
                Ok(Some(Part::Damage(Damage { place, record: None, reason })))
            }
        }
    }

    /// The name of a member, and how long it is with its colon.
    fn name(&mut self) -> io::Result<Option<(String, usize)>> {
        self.source.has(GLANCE)?;
        let glance = self.source.ahead();
        let glance = &glance[..glance.len().min(GLANCE)];
        let mut brackets = Brackets::default();
        let end = glance.iter().position(|byte| brackets.ends_with(*byte));
        let Some(end) = end else { return Ok(None) };
        let blank = glance[end + 1..].iter().take_while(|byte| BLANK.contains(byte)).count();
        let colon = end + 1 + blank;
        let name = serde_json::from_slice(&glance[..=end]).ok();
        Ok(name.filter(|_| glance.get(colon) == Some(&b':')).map(|name| (name, colon + 1)))
    }

    fn record(&mut self) -> io::Result<Option<Part<'_>>> {
        let place = self.source.place();
        match self.value()? {
            Ok(length) => {
                self.records += 1;
                self.answered = length;
                let json = &self.source.ahead()[..length];
                if self.signature.is_none() {
                    self.signature = Signature::of(json);
                }
                match std::str::from_utf8(json) {
                    Ok(json) => Ok(Some(Part::Record { number: self.records, place, json })),
                    Err(_) => Ok(None),
                }
            }
            Err(reason) => {
                let value = matches!(self.source.peek(0)?, Some(b'{' | b'['));
                self.records += u64::from(value);
                let record = value.then_some(self.records);
                self.recover(value)?;
                Ok(Some(Part::Damage(Damage { place, record, reason })))
            }
        }
    }

    /// The length of the value that begins here, or what is wrong with it.
    fn value(&mut self) -> io::Result<Result<usize, String>> {
        let found = match self.source.peek(0)? {
            Some(b'{' | b'[' | b'"') => self.bracketed()?,
            Some(_) => self.scalar()?,
            None => Found::Cut,
        };
        let found = match found {
            Found::Whole(0) => return Ok(Err("this is no value".to_owned())),
            Found::Whole(length) if length > self.max_record => Found::TooLarge,
            found => found,
        };
        let checked = |text: &[u8]| serde_json::from_slice::<&RawValue>(text).map(|_| ());
        let ahead = self.source.ahead();
        Ok(match found {
            Found::Whole(length) => checked(&ahead[..length]).map(|()| length).map_err(reason),
            Found::TooLarge => Err(format!("it is larger than {} bytes", self.max_record)),
            Found::Broken | Found::Cut => match checked(ahead) {
                Err(error) if !error.is_eof() => Err(reason(error)),
                Ok(()) | Err(_) => Err("the file ends in the middle of it".to_owned()),
            },
        })
    }

    fn bracketed(&mut self) -> io::Result<Found> {
        let signature = self.signature.clone().unwrap_or_default();
        let (mut brackets, mut length) = (Brackets::default(), 0);
        let (mut looks, mut next_look) = (8, 0);
        loop {
            if !self.source.has(length + 1)? {
                return Ok(Found::Cut);
            }
            let ahead = self.source.ahead();
            while let Some(byte) = ahead.get(length).copied() {
                if byte == b'\n' && brackets.in_string() {
                    return Ok(Found::Broken);
                }
                // The next record may begin before this one ended: then this one is broken. What
                // only looks so is valid up to here.
                if byte == b'{'
                    && length > 0
                    && length >= next_look
                    && signature.begins(&ahead[length..])
                {
                    let sound = serde_json::from_slice::<&RawValue>(&ahead[..=length]);
                    if sound.is_err_and(|error| !error.is_eof()) || brackets.in_string() {
                        return Ok(Found::Broken);
                    }
                    looks -= 1;
                    if looks == 0 {
                        (looks, next_look) = (1, length * 2);
                    }
                }
                length += 1;
                if brackets.ends_with(byte) {
                    return Ok(Found::Whole(length));
                }
            }
            if length > self.max_record {
                return Ok(Found::TooLarge);
            }
        }
    }

    fn scalar(&mut self) -> io::Result<Found> {
        let mut length = 0;
        while let Some(byte) = self.source.peek(length)? {
            if b",]}{[\":".contains(&byte) || BLANK.contains(&byte) {
                return Ok(Found::Whole(length));
            }
            length += 1;
            if length > GLANCE {
                return Ok(Found::Whole(length));
            }
        }
        Ok(Found::Whole(length))
    }

    /// Goes on to where the damage ends: behind the broken value that begins here, if its brackets
    /// match, or where the next record or the end of the list is.
    fn recover(&mut self, value: bool) -> io::Result<()> {
        let signature = self.signature.clone().unwrap_or_default();
        let mut brackets = value.then(Brackets::default);
        let mut first = true;
        while self.source.has(1)? {
            // A look at what is ahead must not end where the window does.
            self.source.has(GLANCE)?;
            let ahead = self.source.ahead();
            let byte = ahead[0];
            // The channel looks like a record, so before the list only names are looked for.
            if !first && !self.listed && member_begins(ahead) {
                self.state = State::Root;
                return Ok(());
            }
            if !first && self.listed && byte == b'{' && signature.begins(ahead) {
                self.state = State::Messages;
                return Ok(());
            }
            if byte == b']' && self.listed && export_ends(ahead) {
                self.state = State::Messages;
                return Ok(());
            }
            self.source.advance(1);
            if let Some(matching) = &mut brackets
                && matching.ends_with(byte)
            {
                if goes_on(self.source.ahead(), self.state == State::Root) {
                    return Ok(());
                }
                brackets = None;
            }
            first = false;
        }
        self.end(true);
        Ok(())
    }

    fn damage(&self, record: Option<u64>, reason: String) -> Damage {
        Damage { place: self.source.place(), record, reason }
    }

    fn end(&mut self, cut: bool) {
        self.cut |= cut;
        self.state = State::End;
    }
}

/// What the parser says, without its own idea of the place.
fn reason(error: serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default().to_owned();
    format!("it is not valid JSON: {text}")
}

#[cfg(test)]
mod tests;
