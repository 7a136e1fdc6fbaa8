//! One file per promise. Whole programs, a real server on loopback, real folders.

#![expect(clippy::disallowed_methods, reason = "tests look at the world from outside")]

mod tidy;
mod docs;
mod sim;
mod bad_input;
mod daily;
mod grouped;
mod minute_and_trades;
mod lies;
mod clocks;
mod pages;
mod own_trouble;
mod division;
mod reference;
mod universe;
mod identity;
mod verify;
mod resume;
mod evidence;
mod found_files;
mod crash;
mod pipes;
mod crash_matrix;
mod crash_points;
mod claims;
mod readers;
mod elephants;
mod outage;
mod zoo;
mod disk_full;
mod limits;
mod memory;
mod machine_limits;
mod links;
mod repeated_key;
mod secrets;
mod python;
mod calendar;
mod bars_golden;
mod bars_job;
mod bars_cuts;
mod bars_edges;
mod bars_auto;
mod pace;
mod rate;
