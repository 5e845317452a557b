//! The order in which the behaviors that an event calls have their say.

use super::Match;
use crate::ports::Ran;

/// What a responder is told that happened.
pub(super) const RESPONDS: &str = "message";

/// Whether it is asked only while no other has answered.
pub(crate) fn has_turns(what: &str) -> bool {
    what == RESPONDS
}

/// Runs what an event calls, in order. Of responders the first one that has an answer gives it;
/// those after it are not run.
pub(crate) fn in_turn<T>(
    called: impl IntoIterator<Item = T>,
    what: impl Fn(&T) -> &str,
    mut run: impl FnMut(&T) -> Ran,
) -> Vec<(T, Ran)> {
    let mut answered = false;
    let mut done = Vec::new();
    for it in called {
        let responder = has_turns(what(&it));
        if responder && answered {
            continue;
        }
        let ran = run(&it);
        answered |= responder && ran.wanted.as_ref().is_ok_and(|it| !it.is_empty());
        done.push((it, ran));
    }
    done
}

/// The same for the behaviors that match an event.
pub(crate) fn matches_in_turn(
    called: Vec<Match>,
    run: impl FnMut(&Match) -> Ran,
) -> Vec<(Match, Ran)> {
    in_turn(called, |it| it.what, run)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::behaviors::Action;

    use super::*;
    use crate::ports::Fault;

    #[test]
    fn of_responders_the_first_that_has_an_answer_gives_it() {
        let reply = || Action::AskAi { prompt: "x".into() };
        let called = [
            ("message", Ok(vec![])),
            ("message", Err(Fault { line: None, reason: "broken".into() })),
            ("message", Ok(vec![reply()])),
            ("message", Ok(vec![reply()])),
            ("message_created", Ok(vec![reply()])),
        ];
        let called: Vec<_> = called.into_iter().enumerate().collect();
        let ran = in_turn(
            called,
            |(_, (what, _))| what,
            |(_, (_, wanted))| Ran { wanted: wanted.clone(), operations: 1, took: Duration::ZERO },
        );
        let ran: Vec<_> = ran.into_iter().map(|((number, _), _)| number).collect();
        assert_eq!(ran, [0, 1, 2, 4]);
    }
}
