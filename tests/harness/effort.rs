//! How many of the moments, signals and lives that a crash test could try a run of the tests tries.
//! `scripts/test` and `scripts/test --full` try a few of each, `scripts/test --gate` many.

/// `few`, or `many` in the gate.
pub fn choose<T>(few: T, many: T) -> T {
    if std::env::var_os("TEST_EFFORT").is_some_and(|effort| effort == "gate") { many } else { few }
}
