//! The few numbers by which reports are told apart, each with a name.

use crate::domain::matching::facts::{Agreement, DORMANT_AFTER, Facts};
use crate::domain::matching::tokens::Rarity;

/// One number that speaks for a report or against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// The method is named in the title; half of it where many tests are called so
    /// and nothing else is named.
    Method,
    /// The class is named in the title.
    Class,
    /// The file, or what contains it, is named in the title.
    File,
    /// How rare the rarest of these names is among all titles.
    RareName,
    /// Pieces of names and words of the title are alike.
    Likeness,
    /// The method is known, and the title names other tests instead.
    OtherMethod,
    /// Only the file is known, and the title names other tests as well.
    OtherTest,
    /// The title speaks of the same manner of failing.
    SameManner,
    /// It speaks of another manner.
    OtherManner,
    /// It speaks of a manner, the failure plainly failed.
    MannerInTitleOnly,
    /// The title names the builder's platform.
    SamePlatform,
    /// Other words of the builder's name, by their rarity.
    BuilderWords,
    /// The exception's type is in the title.
    Exception,
    /// The share of the message's words in the texts.
    MessageInText,
    /// The share of the traceback's functions in the texts.
    FunctionsInText,
    /// The test's method, or else its file, is named in the texts only.
    NamesInText,
    /// The test's file is known, and neither the title nor the texts name the test or
    /// what it is about.
    NamedNowhere,
    /// Somebody said something in it within the last weeks.
    Recent,
    /// How long nobody said anything: the logarithm of the days, 1.0 for 8 years.
    Quiet,
    /// Nobody did for two years.
    Dormant,
    /// It was closed, and not just before the failure.
    Closed,
}

/// The numbers of one report, in the order of [`Feature::ALL`].
pub type Features = [f64; Feature::ALL.len()];

/// How long ago the last word was, in days, when [`Feature::Recent`] is 1/e.
const RECENT_DAYS: f64 = 60.0;

/// More words of one kind say no more.
const MOST_RARITY: f64 = 3.0;

impl Feature {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Method,
        Self::Class,
        Self::File,
        Self::RareName,
        Self::Likeness,
        Self::OtherMethod,
        Self::OtherTest,
        Self::SameManner,
        Self::OtherManner,
        Self::MannerInTitleOnly,
        Self::SamePlatform,
        Self::BuilderWords,
        Self::Exception,
        Self::MessageInText,
        Self::FunctionsInText,
        Self::NamesInText,
        Self::NamedNowhere,
        Self::Recent,
        Self::Quiet,
        Self::Dormant,
        Self::Closed,
    ];

    /// The name in `evaluate --fit` and `explain`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Method => "method in title",
            Self::Class => "class in title",
            Self::File => "file in title",
            Self::RareName => "rarity of these names",
            Self::Likeness => "likeness of names and title",
            Self::OtherMethod => "another method in title",
            Self::OtherTest => "also another test in title",
            Self::SameManner => "same manner",
            Self::OtherManner => "another manner",
            Self::MannerInTitleOnly => "manner in title only",
            Self::SamePlatform => "same platform",
            Self::BuilderWords => "builder's words in title",
            Self::Exception => "exception in title",
            Self::MessageInText => "message's words in texts",
            Self::FunctionsInText => "traceback's functions in texts",
            Self::NamesInText => "names in texts only",
            Self::NamedNowhere => "test named nowhere",
            Self::Recent => "recent",
            Self::Quiet => "quiet for long",
            Self::Dormant => "quiet for two years",
            Self::Closed => "closed",
        }
    }

    /// Whether it speaks for a report; else it speaks against it. A fit keeps to it:
    /// what the cases at hand would turn around is chance.
    pub fn speaks_for(self) -> bool {
        !matches!(
            self,
            Self::OtherMethod
                | Self::OtherTest
                | Self::OtherManner
                | Self::MannerInTitleOnly
                | Self::NamedNowhere
                | Self::Quiet
                | Self::Dormant
                | Self::Closed
        )
    }

    fn of(self, facts: &Facts<'_>, rarity: &Rarity) -> f64 {
        let days = facts.quiet_for as f64 / 86_400.0;
        let rarities = |words: &[&str]| -> f64 {
            let sum: f64 = words.iter().map(|word| rarity.of(word)).sum();
            sum.min(MOST_RARITY)
        };
        match self {
            Self::Method if facts.method_alone_and_common => 0.5,
            Self::Method => truth(facts.method.is_some()),
            Self::Class => truth(facts.class.is_some()),
            Self::File => truth(facts.file.is_some() || facts.package.is_some()),
            Self::RareName => facts.rarest_name,
            Self::Likeness => facts.likeness,
            Self::OtherMethod => truth(facts.names_others() && facts.method_is_known),
            Self::OtherTest => truth(facts.names_others() && !facts.method_is_known),
            Self::SameManner => truth(matches!(facts.manner, Agreement::Same(_))),
            Self::OtherManner => truth(matches!(facts.manner, Agreement::Other(_))),
            Self::MannerInTitleOnly => truth(matches!(facts.manner, Agreement::TitleOnly(_))),
            Self::SamePlatform => truth(matches!(facts.platform, Agreement::Same(_))),
            Self::BuilderWords => rarities(&facts.builder_words),
            Self::Exception => truth(facts.exception.is_some()),
            Self::MessageInText => facts.message_in_text,
            Self::FunctionsInText => facts.functions_in_text,
            Self::NamesInText => truth(facts.method_in_text || facts.file_in_text),
            Self::NamedNowhere => truth(facts.named_nowhere),
            Self::Recent => (-days / RECENT_DAYS).exp(),
            Self::Quiet => days.ln_1p() / (8.0_f64 * 365.0).ln(),
            Self::Dormant => truth(facts.quiet_for > DORMANT_AFTER),
            Self::Closed => truth(!facts.counts_as_open),
        }
    }
}

fn truth(it: bool) -> f64 {
    if it { 1.0 } else { 0.0 }
}

/// The numbers of a report.
pub(super) fn measure(facts: &Facts<'_>, rarity: &Rarity) -> Features {
    Feature::ALL.map(|feature| feature.of(facts, rarity))
}
