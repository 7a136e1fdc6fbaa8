//! How much of what could be tried for ever a run of the tests tries: `scripts/test` takes minutes and holds something of
//! everything, the gate (`scripts/test --all`) takes more of the same moments.

/// `usual`, or `all` where everything is to be tried.
pub fn choose<T>(usual: T, all: T) -> T {
    if std::env::var_os("TEST_EFFORT").is_some_and(|effort| effort == "all") { all } else { usual }
}
