//! Enums whose values are words in files, on the command line and in output.

/// An enum whose values are words, for code that works with any of them.
pub trait Word: Copy + 'static {
    /// Every value, in the order in which they are listed.
    const VALUES: &'static [Self];

    /// The word for it, in files, on the command line and in output.
    fn word(self) -> &'static str;
}

/// Spells each value once: `ALL` in the order given, `as_str`, `FromStr` with the error given,
/// `Display` and [`Word`]. The compiler says if a value is missing.
macro_rules! words {
    ($name:ident, $error:ty = $value:expr, { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// Every value, in the order in which they are listed.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word for it, in files, on the command line and in output.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($value),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                to.pad(self.as_str())
            }
        }

        impl $crate::text::Word for $name {
            const VALUES: &'static [Self] = &Self::ALL;

            fn word(self) -> &'static str {
                self.as_str()
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macro is for public enums")]
mod tests {
    use super::Word;

    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    enum Size {
        Large,
        Small,
    }

    super::words!(Size, () = (), { Small = "small", Large = "large" });

    #[test]
    fn each_value_is_read_from_its_word() {
        assert_eq!(Size::ALL, [Size::Small, Size::Large]);
        for size in Size::ALL {
            assert_eq!(size.as_str().parse(), Ok(size));
        }
        assert_eq!("medium".parse::<Size>(), Err(()));
        assert_eq!(format!("{:>6}", Size::Small), " small");
        assert_eq!(
            Size::VALUES.iter().map(|size| size.word()).collect::<Vec<_>>(),
            ["small", "large"]
        );
    }
}
