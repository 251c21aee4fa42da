//! What was probably meant by a name that does not exist.

use std::collections::BTreeSet;

/// How alike two names must be, between 0 and 1.
const ALIKE: f64 = 0.84;

/// The key that was probably meant: alike as a whole, or the same last word elsewhere.
pub(super) fn nearest<'a>(known: &'a BTreeSet<String>, key: &str) -> Option<&'a str> {
    let last = |key: &str| key.rsplit('.').next().map(ToOwned::to_owned).unwrap_or_default();
    best(known.iter().map(|candidate| {
        let whole = strsim::jaro_winkler(candidate, key);
        let word = strsim::jaro_winkler(&last(candidate), &last(key)) - 0.05;
        (whole.max(word), candidate.as_str())
    }))
}

/// The section that was probably meant.
pub(super) fn nearest_section<'a>(known: &'a BTreeSet<String>, name: &str) -> Option<&'a str> {
    let sections = known.iter().filter_map(|key| key.rsplit_once('.').map(|(section, _)| section));
    best(sections.map(|section| {
        let shorter = section.len().min(name.len());
        // `[databases]`, `[db]` and `[auth]`: a word and what people make of it.
        let cut = shorter >= 3 && (section.starts_with(name) || name.starts_with(section));
        let likeness = strsim::jaro_winkler(section, name).max(strsim::normalized_damerau_levenshtein(section, name));
        (if cut { likeness.max(ALIKE + 0.01) } else { likeness }, section)
    }))
}

fn best<'a>(candidates: impl Iterator<Item = (f64, &'a str)>) -> Option<&'a str> {
    candidates
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
