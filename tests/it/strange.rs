//! Bodies of a container's creation, changed in ways that JSON libraries read differently.

/// What clients send: most fields say nothing.
const BODY: &str = r#"{"Hostname":"h","User":"0","Tty":false,"Env":["A=b"],"Cmd":["true"],"Image":"busybox","Volumes":{"/anonymous":{}},"WorkingDir":"/tmp","Labels":{"k":"v","K":"w"},"StopSignal":"TERM","HostConfig":{"Binds":["/tmp:/t:ro","vol:/v"],"NetworkMode":"none","RestartPolicy":{"Name":"no","MaximumRetryCount":0},"CapAdd":["NET_ADMIN"],"CapDrop":null,"Privileged":false,"PidMode":"","SecurityOpt":["no-new-privileges"],"Memory":67108864,"MemorySwap":67108864,"Mounts":[{"Type":"tmpfs","Target":"/m"},{"Type":"bind","Source":"/tmp","Target":"/b","ReadOnly":true}],"Tmpfs":{"/run":"size=64k"},"ShmSize":65536,"Sysctls":{},"LogConfig":{"Type":"json-file","Config":{"max-size":"1m"}},"MaskedPaths":null,"ReadonlyPaths":null,"Ulimits":[{"Name":"nofile","Hard":64,"Soft":64}]},"NetworkingConfig":{"EndpointsConfig":{}}}"#;

/// What takes the place of a value, or comes in an additional field.
const VALUES: [&str; 16] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "1.0",
    "1e2",
    "\"\"",
    "\"x\"",
    "\"1\"",
    "[]",
    "{}",
    "[null]",
    "[\"NET_RAW\"]",
    "{\"a\":\"b\"}",
];

/// Fields that are added, in the right place or another.
const FIELDS: [&str; 12] = [
    "Privileged",
    "CapAdd",
    "PidMode",
    "Binds",
    "hostconfig",
    "HOSTCONFIG",
    "New",
    "Image",
    "image",
    "MacAddress",
    "\u{212a}ernelMemory",
    "Privilege\u{17f}",
];

/// Numbers from a seed (xorshift64).
pub struct Random(u64);

impl Random {
    /// Numbers from this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

/// The keys of a body, without their quotes, and where the value after each begins and ends.
fn fields(body: &str) -> Vec<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    let bytes = body.as_bytes();
    let mut fields = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'"' {
            at += 1;
            continue;
        }
        let end = at + 1 + body[at + 1..].find('"').unwrap();
        if bytes.get(end + 1) == Some(&b':') {
            fields.push((at + 1..end, end + 2..end + 2 + value_length(&bytes[end + 2..])));
        }
        at = end + 1;
    }
    fields
}

/// The length of the value that a text begins with. No string has a quote in it.
fn value_length(bytes: &[u8]) -> usize {
    let (mut depth, mut is_text) = (0_usize, false);
    for (place, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => is_text = !is_text,
            _ if is_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return place,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    bytes.len()
}

/// The body, changed up to three times.
pub fn strange(random: &mut Random) -> String {
    let mut body = BODY.to_owned();
    for _ in 0..=random.below(3) {
        body = changed(&body, random);
    }
    body
}

/// Changes a body once.
fn changed(body: &str, random: &mut Random) -> String {
    let fields = fields(body);
    let Some((key, value)) = fields.get(random.below(fields.len())).cloned() else {
        return body.to_owned();
    };
    let name = &body[key.clone()];
    let replaced = |range: std::ops::Range<usize>, text: &str| {
        format!("{}{text}{}", &body[..range.start], &body[range.end..])
    };
    match random.below(9) {
        0 => replaced(value, random.of(&VALUES)),
        1 => replaced(key, &name.to_lowercase()),
        2 => replaced(key, &name.to_uppercase()),
        3 => {
            let folded = [("s", "\u{17f}"), ("k", "\u{212a}"), ("i", "\u{130}"), ("S", "\u{17f}")];
            let (from, to) = random.of(&folded);
            replaced(key, &name.replacen(from, to, 1))
        }
        4 => {
            let escaped: String =
                name.chars().map(|one| format!("\\u{:04x}", u32::from(one))).collect();
            replaced(key, &escaped)
        }
        // The same key again, before or after.
        5 => {
            let again = format!("\"{name}\":{},", random.of(&VALUES));
            replaced(key.start - 1..key.start - 1, &again)
        }
        6 => {
            let again = format!(",\"{name}\":{}", random.of(&VALUES));
            replaced(value.end..value.end, &again)
        }
        7 => {
            let other = format!("\"{}\":{},", random.of(&FIELDS), random.of(&VALUES));
            replaced(key.start - 1..key.start - 1, &other)
        }
        _ => format!("{body}{}", random.of(&["}", " ", "{}", "x", "\n", "]", "\u{0}"])),
    }
}
