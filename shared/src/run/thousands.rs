//! Large numbers for people.

/// Puts a comma between each three of `digits`: `1,234,567`.
pub fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 ticker`, `2 batches`: the number as it is.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", plural(number, noun))
}

/// What makes `noun` a plural where there is not just one.
pub fn plural(number: u64, noun: &str) -> &'static str {
    match number {
        1 => "",
        _ if noun.ends_with("ch") => "es",
        _ => "s",
    }
}
