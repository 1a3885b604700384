//! How texts look on a terminal, for all commands.

use unicode_width::UnicodeWidthStr;

/// Rows as lines whose columns begin at the same places.
pub(in crate::cli) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    aligned_by(rows, &[])
}

/// The same, and the columns for which that is said end at the same places.
pub(in crate::cli) fn aligned_by(rows: &[Vec<String>], to_the_right: &[bool]) -> Vec<String> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let padded: Vec<String> = cells
            .map(|(column, (cell, width))| {
                let room = " ".repeat(width - cell.width());
                match to_the_right.get(column) {
                    Some(true) => room + cell,
                    Some(false) | None => format!("{cell}{room}"),
                }
            })
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Text as a terminal may get it: what a JVM says cannot move the cursor.
pub(in crate::cli) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => shown.extend(character.escape_default()),
            control if control.is_control() || is_turning(control) => {
                shown.extend(control.escape_unicode());
            }
            character => shown.push(character),
        }
    }
    shown
}

/// Characters without a width that change the direction of the text around them: a name could hide what stands behind it.
fn is_turning(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_letters_take_their_room_and_numbers_end_below_each_other() {
        let rows = [["名前", "7", "x"], ["größe", "12", "y"], ["-", "-", "z"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            aligned_by(&rows, &[false, true]),
            ["名前    7  x", "größe  12  y", "-       -  z"]
        );
    }

    #[test]
    fn nothing_that_is_printed_moves_the_cursor_or_turns_the_text() {
        let shown = printable("a\u{1b}[2J\n\u{202e}é");
        assert_eq!(shown, "a\\u{1b}[2J\\n\\u{202e}é");
    }
}
