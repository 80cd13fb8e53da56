//! Colour for terminals, and foreign text made safe for them.

use std::io::{IsTerminal, stdout};

use clap::ValueEnum;

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Tone {
    Good,
    Bad,
    Doubtful,
    Quiet,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    colored: bool,
}

impl Style {
    pub(crate) fn new(color: Color) -> Self {
        let wanted = || {
            let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
            set("NO_COLOR").is_none()
                && set("TERM").is_none_or(|term| term != "dumb")
                && stdout().is_terminal()
        };
        let colored = match color {
            Color::Auto => wanted(),
            Color::Always => true,
            Color::Never => false,
        };
        Self { colored }
    }

    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Doubtful => "33",
            Tone::Quiet => "2",
        };
        if self.colored { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Foreign text on one line, without control characters.
pub(crate) fn printable(text: &str) -> String {
    let fit = |character: char| {
        // the ranges change the direction of text
        let obeyed =
            character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if obeyed { '\u{fffd}' } else { character }
    };
    text.replace(['\n', '\r', '\t'], " ").chars().map(fit).collect()
}

/// The same, cut to `most` characters.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let text = printable(text);
    if text.chars().count() <= most {
        return text;
    }
    text.chars().take(most.saturating_sub(3)).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_command_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\nc\u{202e}d\u{9b}"), "a\u{fffd}[2Jb c\u{fffd}d\u{fffd}");
        assert_eq!(cut("Fußgänger", 6), "Fuß...");
        assert_eq!(cut("short", 6), "short");
    }
}
