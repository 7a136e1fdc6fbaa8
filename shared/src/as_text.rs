//! Types that are their text in JSON, as they are on a command line: what serde needs of them
//! beside `Display` and `FromStr`.

/// The two conversions of `#[serde(try_from = "String", into = "String")]`, by the type's `FromStr`
/// and `Display`.
#[macro_export]
macro_rules! as_text {
    ($name:ty) => {
        impl TryFrom<String> for $name {
            type Error = <Self as std::str::FromStr>::Err;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}
