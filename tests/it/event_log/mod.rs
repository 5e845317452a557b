//! Every event log keeps the same promises: one suite, run over each of them.

mod crashes;
mod jetstream;
mod place;
mod suite;

use place::Place;

/// Makes a test of each promise, for each log.
macro_rules! promises {
    ($($promise:ident)*) => {
        mod sqlite_keeps {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::suite::$promise(&super::Place::sqlite()).await;
                }
            )*
        }

        mod jetstream_keeps {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::suite::$promise(&super::Place::jetstream()).await;
                }
            )*
        }
    };
}

promises! {
    a_commit_that_is_too_large_is_refused_by_its_size
    a_follower_from_the_middle_gets_the_rest
    a_follower_gets_everything_once_while_others_write
    a_follower_who_is_ahead_of_the_log_is_told
    a_hot_stream_takes_every_writer_in_turn
    a_log_goes_on_when_it_is_opened_again
    an_append_that_expects_what_is_in_flight_is_stored_behind_it
    an_empty_log_says_so
    nobody_writes_who_has_the_end_wrong
    of_many_writers_one_wins_and_the_others_are_told
    pages_are_never_split_and_keep_the_order
    positions_have_no_gaps_and_streams_keep_their_order
    streams_with_odd_names_are_kept_apart
    the_largest_commit_comes_back_as_it_was
    the_same_command_is_stored_once_per_stream
    the_same_command_twice_at_once_is_stored_once
    versions_count_events_and_not_commits
}
