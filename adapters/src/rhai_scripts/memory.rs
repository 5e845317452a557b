//! How much the variables of a script hold. The language looks at the size of a value when a
//! function makes it larger, and not when something is put into it by `list[0] = x` or
//! `map.name = x`.

use domain::behaviors::Action;
use rhai::{Array, Dynamic, EvalAltResult, EvalContext, ImmutableString, Map, Position};

use super::{run, sandbox};

/// How much larger one variable may be than what a function makes: the platform itself gives
/// scripts events with a long past.
const LARGER: usize = 2;

/// What all variables of one call of a function hold together: items and entries, and the bytes of
/// their texts.
const MOST_VALUES: usize = 16 * 1024;
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// How much an action counts, whose text is not looked at.
const ACTION: usize = 6_000;

/// To look costs time for each value, so it is done the less often, in uses of variables, the more
/// there are.
pub(super) const SELDOM: usize = 16;
const VALUES_A_USE: usize = 32;

/// What variables hold.
#[derive(Default)]
struct Held {
    items: usize,
    entries: usize,
    bytes: usize,
}

type Answer = Result<(), Box<EvalAltResult>>;

/// Looks from time to time, whenever a variable is used, at all that are there.
pub(super) fn look(context: &EvalContext) -> Answer {
    let level = context.call_level();
    if !run::is_to_look(level) {
        return Ok(());
    }
    let mut all = Held::default();
    for (_, _, value) in context.scope().iter_raw() {
        let mut held = Held::default();
        held.add(value, sandbox::MOST_DEPTH)?;
        if held.items > LARGER * sandbox::MOST_ITEMS
            || held.entries > LARGER * sandbox::MOST_ENTRIES
        {
            return too_large();
        }
        all.items += held.items;
        all.entries += held.entries;
        all.bytes += held.bytes;
    }
    let values = all.items + all.entries;
    if values > MOST_VALUES || all.bytes > MOST_BYTES {
        return too_large();
    }
    run::look_after(level, SELDOM + values / VALUES_A_USE);
    Ok(())
}

impl Held {
    /// Goes down only so many levels, each of them on the stack of the thread.
    fn add(&mut self, value: &Dynamic, left: usize) -> Answer {
        if value.is_array() {
            if let Some(list) = value.read_lock::<Array>() {
                let left = less(left)?;
                self.items += list.len();
                list.iter().try_for_each(|it| self.add(it, left))?;
            }
        } else if value.is_map() {
            if let Some(map) = value.read_lock::<Map>() {
                let left = less(left)?;
                self.entries += map.len();
                map.iter().try_for_each(|(name, it)| {
                    self.bytes += name.len();
                    self.add(it, left)
                })?;
            }
        } else if value.is_string() {
            self.bytes += value.read_lock::<ImmutableString>().map_or(0, |it| it.len());
        } else if value.is::<Action>() {
            self.bytes += ACTION;
        }
        Ok(())
    }
}

fn less(left: usize) -> Result<usize, Box<EvalAltResult>> {
    // No script can catch this one.
    let too_deep = || EvalAltResult::ErrorTerminated(sandbox::too_deep().into(), Position::NONE);
    left.checked_sub(1).ok_or_else(|| too_deep().into())
}

fn too_large() -> Answer {
    let what = "What the variables hold".to_owned();
    Err(EvalAltResult::ErrorDataTooLarge(what, Position::NONE).into())
}
