//! Chance that repeats: splitmix64 (Steele, Lea and Flood, 2014), as a hash of keys and as a
//! stream.

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// One number out of a key; neighbouring keys give unrelated numbers.
pub fn mix(key: u64) -> u64 {
    let mut z = key.wrapping_add(GOLDEN);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// One key out of two.
pub fn join(a: u64, b: u64) -> u64 {
    mix(mix(a) ^ b)
}

/// A key out of a text.
pub fn of_text(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| join(hash, u64::from(byte)))
}

/// A number in `0.0..1.0` out of a key's 53 highest bits.
pub fn unit(key: u64) -> f64 {
    (key >> 11) as f64 / (1_u64 << 53) as f64
}

/// A stream of numbers from one key.
#[derive(Debug, Clone)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// The stream of a key.
    pub fn new(key: u64) -> Self {
        Self { state: mix(key) }
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// The next number in `0..sides`; `sides` is at least 1.
    pub fn below(&mut self, sides: u64) -> u64 {
        self.roll() % sides
    }

    /// One of the items.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        let count = u64::try_from(items.len()).expect("slices are shorter than 2^64");
        let at = usize::try_from(self.below(count)).expect("less than a slice's length");
        items[at]
    }

    /// True once in `times`, on average.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_splitmix64() {
        // First outputs for seed 1234567 as printed in the reference implementation's test vectors.
        let mut dice = Dice { state: 1_234_567_u64.wrapping_sub(GOLDEN) };
        let plain: Vec<u64> = (0..3).map(|_| dice.roll()).collect();
        assert_eq!(
            plain,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
        assert!((0..1000).all(|key| (0.0..1.0).contains(&unit(mix(key)))));
    }
}
