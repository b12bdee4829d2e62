//! The modules use only what `docs/architecture.md` permits.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The table of the document: each module, and what it may use of this crate.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let document = fs::read_to_string("docs/architecture.md").unwrap();
    let mut table = BTreeMap::new();
    for line in document.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let words = |cell: &str| -> Vec<String> {
            cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        };
        let module = words(cells[1]).remove(0);
        let uses = if cells[3] == "everything" { vec!["*".to_owned()] } else { words(cells[3]) };
        table.insert(module, uses.into_iter().collect());
    }
    table
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The modules that a file names after `crate::`, outside its unit tests.
fn used(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut modules = BTreeSet::new();
    for line in code {
        for behind in line.split("crate::").skip(1) {
            let name: String = behind
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_')
                .collect();
            modules.insert(name);
        }
    }
    modules
}

#[test]
fn each_module_uses_only_what_the_architecture_allows() {
    let table = allowed();
    let mut wrong = Vec::new();
    for entry in fs::read_dir("src").unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let module = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let may = table.get(&module).unwrap_or_else(|| panic!("{module} is not in the table"));
        // A file of unit tests may use anything, as the unit tests in other files may.
        let is_code = |file: &PathBuf| !file.ends_with("tests.rs");
        for file in sources(&folder).into_iter().filter(is_code) {
            for name in used(&fs::read_to_string(&file).unwrap()) {
                if name != module && !may.contains(&name) && !may.contains("*") {
                    wrong.push(format!("{} uses {name}", file.display()));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_forbidden_use_is_seen() {
    assert!(used("use crate::proxy::start;\n").contains("proxy"));
    assert!(used("let x = crate::cli::main();\n").contains("cli"));
    assert!(!used("// crate::cli\n").contains("cli"));
}

#[test]
fn only_one_module_knows_the_yaml_library_and_only_cli_prints() {
    for file in sources(Path::new("src")) {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.display().to_string();
        assert!(!text.contains("serde_saphyr") || name.starts_with("src/yaml/"), "{name}");
        let prints = ["println!(", "eprintln!(", "stdout()", "stderr()"];
        let printing = prints.iter().any(|word| text.contains(word));
        assert!(!printing || name.starts_with("src/cli/"), "{name} prints");
        let exits = text.contains("process::exit") || text.contains("env::var");
        assert!(
            !exits || name == "src/cli/environment.rs",
            "{name} exits or reads the environment"
        );
        // Its observers do.
        assert!(!text.contains("tracing::") || !name.starts_with("src/proxy/"), "{name} logs");
    }
}

#[test]
fn every_file_states_its_purpose_and_is_short_enough_for_one() {
    for file in sources(Path::new("src")) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//! "), "{} has no module documentation", file.display());
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().lines().count();
        assert!(code <= 450, "{} has {code} lines", file.display());
    }
}

/// Where a path or a system string becomes text outside of `text`, and what makes it safe.
const SPELLED_ELSEWHERE: [(&str, &str); 1] = [("src/child/flags.rs", "compared, never shown")];

#[test]
fn no_path_becomes_text_but_through_the_function_that_makes_it_safe() {
    let mut wrong = Vec::new();
    for file in sources(Path::new("src")) {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let name = file.to_str().unwrap();
        let is_known = SPELLED_ELSEWHERE.iter().any(|(known, _)| *known == name);
        if name == "src/text/path.rs" || is_known || name.ends_with("/tests.rs") {
            continue;
        }
        for word in [".display()", "to_string_lossy"] {
            if code.contains(word) {
                wrong.push(format!("{name} has {word}: use text::shown, or text::spelled"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Where code outside of `text` looks for control characters or escapes them, and why that is not about
/// showing text.
const DECIDED_ELSEWHERE: [(&str, &str); 6] = [
    ("src/api/canonical.rs", "such a path is refused"),
    ("src/api/query.rs", "such a name is refused"),
    ("src/profile/pattern.rs", "such a name is escaped or refused"),
    ("src/recording/command.rs", "such an argument is hidden"),
    ("src/report/junit.rs", "what XML does not allow, after printable"),
    ("src/terminal/line_edit.rs", "such a key is not typed"),
];

#[test]
fn only_one_module_decides_what_is_safe_to_show() {
    let mut found = BTreeSet::new();
    for file in sources(Path::new("src")) {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let name = file.to_str().unwrap().to_owned();
        if name.starts_with("src/text/") || name.ends_with("tests.rs") {
            continue;
        }
        let ways = ["is_control", "escape_debug", "escape_unicode", "escape_default"];
        if ways.iter().any(|way| code.contains(way)) {
            found.insert(name);
        }
    }
    let known = DECIDED_ELSEWHERE.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, known, "use text::printable or text::one_line");
}

/// `benches/instructions` includes pure modules one by one, and builds only with all that they use.
#[test]
fn the_counted_modules_are_complete() {
    let text = fs::read_to_string("benches/instructions/src/main.rs").unwrap();
    let included: BTreeSet<&str> =
        text.split("../../../src/").skip(1).map(|rest| rest.split('/').next().unwrap()).collect();
    assert!(included.contains("policy"));
    let table = allowed();
    for module in &included {
        let missing: Vec<_> =
            table[*module].iter().filter(|used| !included.contains(used.as_str())).collect();
        assert!(missing.is_empty(), "{module} uses {missing:?}");
    }
}
