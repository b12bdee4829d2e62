//! Rows of text in columns.

/// Writes rows whose cells begin in the same columns, two spaces after the widest cell of the column
/// before.
pub(super) fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_begin_in_the_same_columns() {
        let rows = [["a", "1 rule", ""], ["été", "", "x"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows), "a    1 rule\nété          x\n");
        assert_eq!(aligned::<2>(&[]), "");
    }
}
