//! Which events a reactor may react to at the same time.

use std::collections::BTreeMap;

/// Events in stretches that come one after the other. Those of a stretch are in lanes: each in
/// order, all at the same time. One without a lane is a stretch of its own.
pub(crate) fn stretches<T: Copy>(
    events: &[T],
    lane_of: impl Fn(T) -> Option<u64>,
) -> Vec<Vec<Vec<T>>> {
    let mut all = Vec::new();
    let mut open: BTreeMap<u64, Vec<T>> = BTreeMap::new();
    for event in events {
        if let Some(lane) = lane_of(*event) {
            open.entry(lane).or_default().push(*event);
        } else {
            all.extend(ended(&mut open));
            all.push(vec![vec![*event]]);
        }
    }
    all.extend(ended(&mut open));
    all
}

fn ended<T>(open: &mut BTreeMap<u64, Vec<T>>) -> Option<Vec<Vec<T>>> {
    let lanes: Vec<_> = std::mem::take(open).into_values().collect();
    (!lanes.is_empty()).then_some(lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_keep_their_order_and_what_has_none_is_alone() {
        let lane = |(lane, _)| lane;
        let (one, two) = (Some(1), Some(2));
        let events = [(one, 'a'), (two, 'b'), (one, 'c'), (None, 'd'), (None, 'e'), (two, 'f')];
        let names = |stretch: Vec<Vec<(Option<u64>, char)>>| {
            let lanes = stretch.into_iter().map(|lane| lane.into_iter().map(|it| it.1).collect());
            lanes.collect::<Vec<String>>()
        };
        let found: Vec<_> = stretches(&events, lane).into_iter().map(names).collect();
        assert_eq!(found, [vec!["ac", "b"], vec!["d"], vec!["e"], vec!["f"]]);
        assert!(stretches(&events[..0], lane).is_empty());
    }
}
