//! What a rule looks at: a failure and its build, field by field.

use super::platform;
use crate::domain::failure::{Failure, FailureKind};

/// What a condition can ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The test file, `test_os`; of a split one also the folder: both
    /// `test_asyncio.test_events` and `test_asyncio`.
    Module,
    /// The test class.
    Class,
    /// The test method.
    Method,
    /// What kind of failure: `crash`, `timeout`, `env_changed`.
    Kind,
    /// The builder's name.
    Builder,
    /// The operating systems that the builder's name tells of: `linux` and `fedora`.
    Os,
    /// The processor that the builder's name tells of: `amd64`, `s390x`.
    Arch,
    /// The branch: `3.x`, `3.14`.
    Branch,
    /// The exception's type, as printed and without its module.
    Exception,
    /// What the exception says, and the line that tells most of the failure.
    Message,
    /// The lines of the log that are kept of the failure.
    Log,
}

impl Field {
    /// Every field, in the order people think of them.
    pub const ALL: [Self; 11] = [
        Self::Module,
        Self::Class,
        Self::Method,
        Self::Kind,
        Self::Builder,
        Self::Os,
        Self::Arch,
        Self::Branch,
        Self::Exception,
        Self::Message,
        Self::Log,
    ];

    /// The word for it in a rule.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Class => "class",
            Self::Method => "method",
            Self::Kind => "kind",
            Self::Builder => "builder",
            Self::Os => "os",
            Self::Arch => "arch",
            Self::Branch => "branch",
            Self::Exception => "exception",
            Self::Message => "message",
            Self::Log => "log",
        }
    }

    /// The field of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// The words that the field can have, where they are known.
    pub fn words(self) -> Option<Vec<&'static str>> {
        match self {
            Self::Kind => Some(FailureKind::ALL.map(FailureKind::name).to_vec()),
            Self::Os => Some(platform::systems()),
            Self::Arch => Some(platform::processors()),
            _ => None,
        }
    }
}

/// A failure as rules see it. A field can have no value, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(Vec<(Field, String)>);

impl Subject {
    /// A failure on a builder, which is empty if it is not known.
    pub fn of(builder: &str, branch: Option<&str>, failure: &Failure) -> Self {
        let test = &failure.test;
        let told = [
            (Field::Kind, Some(failure.kind.name())),
            (
                Field::Builder,
                Some(builder).filter(|name| !name.is_empty()),
            ),
            (Field::Branch, branch),
            (Field::Module, test.file.as_deref()),
            (Field::Class, test.class.as_deref()),
            (Field::Method, test.method.as_deref()),
            (Field::Exception, failure.exception.as_deref()),
            (Field::Message, failure.message.as_deref()),
            (Field::Message, failure.line.as_deref()),
        ];
        let told = told.into_iter();
        let mut fields: Vec<(Field, String)> = told
            .filter_map(|(field, value)| Some((field, value?.to_owned())))
            .collect();
        let mut log = failure.excerpt.clone();
        let is_new = |line: &&String| !log.iter().any(|known| known.contains(line.as_str()));
        log.extend(failure.line.iter().find(is_new).cloned());
        if !log.is_empty() {
            fields.push((Field::Log, log.join("\n")));
        }
        Self::described(fields)
    }

    /// What a person says of one. What follows from it is added: the module's
    /// folder, and the system and processor of the builder.
    pub fn described(fields: Vec<(Field, String)>) -> Self {
        let mut subject = Self(fields);
        let folders: Vec<String> = subject.parts(Field::Module, |file| file.split('.').next());
        subject.add(Field::Module, folders);
        let types = subject.parts(Field::Exception, |name| name.rsplit('.').next());
        subject.add(Field::Exception, types);
        let builders: Vec<String> = subject.values(Field::Builder).map(str::to_owned).collect();
        for (field, told) in [
            (Field::Os, platform::systems_of as fn(&str) -> Vec<&str>),
            (Field::Arch, platform::processors_of),
        ] {
            // What a person wrote counts alone.
            if subject.values(field).next().is_none() {
                let told = builders.iter().flat_map(|builder| told(builder));
                subject.add(field, told.map(str::to_owned).collect());
            }
        }
        subject
    }

    /// The values of a field.
    pub fn values(&self, field: Field) -> impl Iterator<Item = &str> {
        let of_field = move |(known, _): &&(Field, String)| *known == field;
        self.0
            .iter()
            .filter(of_field)
            .map(|(_, value)| value.as_str())
    }

    /// The same, with the fields of `other` that this one says nothing of.
    #[must_use]
    pub fn filled_from(&self, other: &Self) -> Self {
        let is_told = |field| self.values(field).next().is_some();
        let more = other.0.iter().filter(|(field, _)| !is_told(*field));
        Self(self.0.iter().chain(more).cloned().collect())
    }

    fn parts(&self, field: Field, part: fn(&str) -> Option<&str>) -> Vec<String> {
        let parts = self.values(field).filter_map(part);
        parts.map(str::to_owned).collect()
    }

    fn add(&mut self, field: Field, values: Vec<String>) {
        for value in values {
            if !self.values(field).any(|known| known == value) {
                self.0.push((field, value));
            }
        }
    }
}
