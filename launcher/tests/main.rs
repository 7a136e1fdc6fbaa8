//! The launcher's promises: the machine and its journal as pure stories, the commands through the
//! real program with tiny shell scripts as workers.

#![expect(clippy::disallowed_methods, reason = "tests look at the world from outside")]

#[path = "../../tests/harness/inherited.rs"]
#[expect(unreachable_pub, reason = "the harness of the promises shows it to all of them")]
mod inherited;
#[path = "../../tests/harness/says.rs"]
#[expect(unreachable_pub, reason = "the harness of the promises shows it to all of them")]
mod says;
mod scene;
mod frozen;
mod machine;
mod any_run;
mod common_cause;
mod own_trouble;
mod giving_up;
mod retention;
mod makespan;
mod forecast;
mod parts;
mod journal;
mod golden;
mod evidence;
mod status;
mod help;
mod flags;
mod bad_input;
mod bad_surroundings;
mod runs;
mod shims;
mod containment;
mod scripts_word;
mod believed;
mod why;
mod without_rows;
mod logs;
mod calendar;
mod watch;
mod notify;
mod stopping;
mod recovery;
mod races;
mod readers;
mod bystanders;
mod interruptions;
mod full_disk;
mod hostile;
mod pipes;
mod privacy;
mod open_files;
mod displaced;
mod extending;
mod knobs;
mod elephants;
mod weights;
mod verify;
