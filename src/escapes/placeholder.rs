//! The words in braces that stand for objects.

/// Every placeholder, with what it stands for.
pub const PLACEHOLDERS: [(&str, &str); 43] = [
    ("image", "an image that the attacker may run"),
    ("own-image", "the repository of an image that the attacker may make or pull"),
    ("own-tag", "its tag"),
    ("own", "a running container of the attacker"),
    ("created", "a container of the attacker that was never started"),
    ("own-network", "a network of the attacker"),
    ("theirs", "a running container of others, with a volume at /v"),
    ("their-id", "its ID"),
    ("their-short-id", "the beginning of its ID"),
    ("victim", "a running container of others that need not survive"),
    ("their-stopped", "a container of others that has ended"),
    ("exec", "a command that others prepared in a container of theirs"),
    ("their-image", "the repository of an image of others, whose tag is 1"),
    ("their-image-id", "the ID of that image"),
    ("their-network", "a network of others with a container in it"),
    ("their-network-id", "its ID"),
    ("their-empty-network", "a network of others that no container uses"),
    ("their-config-network", "a network of others that is only a configuration"),
    ("their-volume", "a volume of others with a file `mark` and a folder `sub`"),
    ("their-unused-volume", "a volume of others that no container mounts"),
    ("their-pod", "a pod of others"),
    ("their-secret", "a secret of others"),
    ("their-config", "a configuration of others in the swarm"),
    ("their-overlay", "a network of others in the swarm"),
    ("swarm-version", "the version of the swarm's settings"),
    ("node", "the machine in the swarm"),
    ("node-version", "the version of its settings"),
    ("folder", "a folder of the host"),
    ("socket", "a unix socket of the host"),
    ("mark", "a text that only those who got there know"),
    ("server", "the address of a web server that serves the folder"),
    ("server-address", "the same without its scheme"),
    ("archive", "an archive with a file `mark`"),
    ("saved", "an archive of another image with the name of the others' image"),
    ("plugin", "an archive of a plugin"),
    ("context", "a context that builds without running anything"),
    ("context-in-host-network", "a context that builds only in the host's network"),
    ("context-in-their-network", "a context that builds only in the others' network"),
    ("context-with-a-cgroup", "a context that builds only in the cgroup `dsp-escape`"),
    ("context-with-a-volume", "a context that builds only with the folder at /h"),
    ("context-with-capabilities", "a context that builds only with SYS_ADMIN"),
    ("context-with-a-device", "a context that builds only with the device /dev/own"),
    ("made", "in a proof: what the request made"),
];

/// Replaces each placeholder by its value. `None` if there is no value for one of them.
pub fn fill(text: &str, mut value: impl FnMut(&str) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut filled = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, name, after)) = first(rest) {
        filled.extend_from_slice(before.as_bytes());
        filled.extend(value(name)?);
        rest = after;
    }
    filled.extend_from_slice(rest.as_bytes());
    Some(filled)
}

/// The first placeholder in a text, with what is before and after it.
fn first(text: &str) -> Option<(&str, &str, &str)> {
    for (at, _) in text.match_indices('{') {
        let (before, rest) = text.split_at_checked(at)?;
        let Some((name, after)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'))
        else {
            continue;
        };
        if PLACEHOLDERS.iter().any(|(known, _)| *known == name) {
            return Some((before, name, after));
        }
    }
    None
}

/// The words in braces that look like placeholders and are not.
#[cfg(test)]
pub(super) fn unknown(text: &str) -> Vec<&str> {
    let is_word = |word: &&str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    let words = text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    let is_known = |word: &str| PLACEHOLDERS.iter().any(|(known, _)| *known == word);
    words.filter(is_word).filter(|word| !is_known(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Option<String> {
        let value = |name: &str| (name != "own").then(|| format!("<{name}>").into_bytes());
        fill(text, value).map(|filled| String::from_utf8(filled).unwrap())
    }

    #[test]
    fn placeholders_are_replaced_and_other_braces_are_not() {
        let text = "{\"a\":{},\"b\":\"{folder}:/h\",\"c\":{\"{image}\":{\"d\":\"{x}\"}}}}";
        let expected = "{\"a\":{},\"b\":\"<folder>:/h\",\"c\":{\"<image>\":{\"d\":\"{x}\"}}}}";
        assert_eq!(filled(text).unwrap(), expected);
        assert_eq!(filled("{image}{image}").unwrap(), "<image><image>");
        assert_eq!(filled("{own}"), None);
        assert_eq!(unknown(text), ["x"]);
    }
}
