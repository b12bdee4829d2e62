// What programs do with the HTTP client of the JDK, which offers HTTP/2 with each request: `Upgrade: h2c`.

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;

class WithJava {
    static final String DOCKERFILE = "FROM busybox\nCOPY data /data\nRUN wc -c /data\n";
    static final byte[] BULK = bulk();
    static final HttpClient client = HttpClient.newHttpClient();

    static String api;

    public static void main(String[] arguments) throws Exception {
        String host = System.getenv("DOCKER_HOST");
        String address = host.startsWith("unix://") ? relay(host.substring(7)) : host.substring(6);
        api = "http://" + address + "/v1.41";
        engine();
        images();
        build();
        life();
        running();
        networksAndVolumes();
        // The threads of the client and of the relay would go on.
        System.exit(0);
    }

    static void engine() throws Exception {
        show("ping", ask("GET", "/_ping"));
        show("version", ask("GET", "/version"), "Os", "Arch");
        show("info", ask("GET", "/info"), "OSType");
        List<CompletableFuture<HttpResponse<byte[]>>> asked = new ArrayList<>();
        for (int count = 0; count < 20; count++) {
            asked.add(client.sendAsync(request("GET", "/_ping", null).build(), BodyHandlers.ofByteArray()));
        }
        TreeSet<String> answers = new TreeSet<>();
        for (var one : asked) {
            answers.add(one.get().statusCode() + " " + new String(one.get().body(), StandardCharsets.UTF_8));
        }
        say("twenty at a time", answers);
    }

    static void images() throws Exception {
        show("images", ask("GET", "/images/json"), "RepoTags");
        show("tag", ask("POST", "/images/busybox/tag?repo=java-tag&tag=1"));
        var saved = ask("GET", "/images/java-tag:1/get");
        say("save", saved.statusCode(), saved.body().length > 100_000);
        show("untag", ask("DELETE", "/images/java-tag:1"), "Untagged");
        show("load", send(request("POST", "/images/load", saved.body())), "stream");
        show("untag", ask("DELETE", "/images/java-tag:1"), "Untagged");
        show("absent image", ask("GET", "/images/no-such-image/json"), "message");
    }

    static void build() throws Exception {
        byte[] context = archive("Dockerfile", DOCKERFILE.getBytes(StandardCharsets.UTF_8), "data", BULK);
        // Without a length, so in chunks.
        var sent = BodyPublishers.ofInputStream(() -> new java.io.ByteArrayInputStream(context));
        var build = target("/build?t=java-build&nocache=1&rm=1&networkmode=none");
        var built = send(build.header("Content-Type", "application/x-tar").POST(sent));
        var steps = Pattern.compile("Step [^\"\\\\]*|[0-9]+ /data|Successfully tagged [^\\\\]*").matcher(text(built));
        say("build", built.statusCode(), steps.results().map(found -> found.group()).toList());
        say("its removal", ask("DELETE", "/images/java-build").statusCode());
    }

    static void life() throws Exception {
        String config = "{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"echo out; echo err >&2; exit 3\"]}";
        var created = json("/containers/create?name=java-life", config);
        say("create", created.statusCode(), field(created, "Warnings"));
        show("a second of that name", json("/containers/create?name=java-life", config), "message");
        // The engine answers as soon as it waits: only then may the container start.
        var waiting = client.send(
                request("POST", "/containers/java-life/wait?condition=next-exit", new byte[0]).build(),
                BodyHandlers.ofInputStream());
        show("start", ask("POST", "/containers/java-life/start"));
        var exited = new String(waiting.body().readAllBytes(), StandardCharsets.UTF_8);
        say("wait", waiting.statusCode(), waiting.version(), exited.contains("\"StatusCode\":3"));
        say("logs", demultiplexed(ask("GET", "/containers/java-life/logs?stdout=1&stderr=1&follow=1").body()));
        show("rename", ask("POST", "/containers/java-life/rename?name=java-renamed"));
        show("inspect", ask("GET", "/containers/java-renamed/json"), "Name", "ExitCode");
        show("remove", ask("DELETE", "/containers/java-renamed"));
        show("absent container", ask("GET", "/containers/java-life/json"), "message");
    }

    static void running() throws Exception {
        long since = System.currentTimeMillis() / 1000;
        json("/containers/create?name=java-run", "{\"Image\":\"busybox\",\"Cmd\":[\"sleep\",\"1000\"]}");
        show("start", ask("POST", "/containers/java-run/start"));
        show("list", ask("GET", "/containers/json?filters=" + encoded("{\"name\":[\"java-run\"]}")), "Names");
        show("update", json("/containers/java-run/update", "{\"CpuShares\":512}"), "Warnings");
        execute("echo out; echo err >&2; exit 5");
        execute("exit 0");
        show("absent exec", json("/exec/no-such-exec/start", "{}"), "message");
        transfer();
        show("stats", ask("GET", "/containers/java-run/stats?stream=0"), "name");
        show("pause", ask("POST", "/containers/java-run/pause"));
        show("unpause", ask("POST", "/containers/java-run/unpause"));
        show("restart", ask("POST", "/containers/java-run/restart?t=0"));
        show("stop", ask("POST", "/containers/java-run/stop?t=0"));
        show("kill what has ended", ask("POST", "/containers/java-run/kill"), "message");
        show("remove", ask("DELETE", "/containers/java-run?v=1"));
        events(since);
    }

    // An engine takes any upgrade of an exec for its own, so programs do without one there.
    static void execute(String command) throws Exception {
        String config = "{\"AttachStdout\":true,\"AttachStderr\":true,\"Cmd\":[\"sh\",\"-c\",\"" + command + "\"]}";
        String exec = field(json("/containers/java-run/exec", config), "Id").replace("\"", "");
        var start = request("POST", "/exec/" + exec + "/start", "{\"Detach\":false,\"Tty\":false}".getBytes(StandardCharsets.UTF_8));
        start.header("Content-Type", "application/json").version(HttpClient.Version.HTTP_1_1);
        say("exec", demultiplexed(send(start).body()));
        show("exec's end", ask("GET", "/exec/" + exec + "/json"), "ExitCode");
    }

    static void transfer() throws Exception {
        byte[] sent = archive("bulk", BULK);
        var put = target("/containers/java-run/archive?path=/tmp").header("Content-Type", "application/x-tar");
        show("put archive", send(put.PUT(BodyPublishers.ofByteArray(sent))));
        var got = ask("GET", "/containers/java-run/archive?path=/tmp/bulk");
        byte[] file = Arrays.copyOfRange(got.body(), 512, 512 + BULK.length);
        say("get archive", got.statusCode(), Arrays.equals(file, BULK));
        show("get what is absent", ask("GET", "/containers/java-run/archive?path=/no-such-file"), "message");
    }

    // Those whose order and number the engine keeps.
    static void events(long since) throws Exception {
        long until = System.currentTimeMillis() / 1000 + 1;
        String filters = encoded("{\"container\":[\"java-run\"]}");
        var seen = ask("GET", "/events?since=" + since + "&until=" + until + "&filters=" + filters);
        var actions = Pattern.compile("\"Action\":\"(?!exec|pause|unpause|stop)([^\"]*)\"").matcher(text(seen));
        say("events", actions.results().map(found -> found.group(1)).toList());
    }

    static void networksAndVolumes() throws Exception {
        say("network", json("/networks/create", "{\"Name\":\"java-net\",\"Internal\":true}").statusCode());
        show("network", ask("GET", "/networks/java-net"), "Name", "Driver", "Internal");
        show("its removal", ask("DELETE", "/networks/java-net"));
        show("absent network", ask("GET", "/networks/java-net"), "message");
        show("volume", json("/volumes/create", "{\"Name\":\"java-vol\",\"Labels\":{\"a\":\"b\"}}"), "Name", "Labels");
        show("its removal", ask("DELETE", "/volumes/java-vol"));
        show("absent volume", ask("GET", "/volumes/java-vol"), "message");
    }

    static HttpRequest.Builder target(String path) {
        return HttpRequest.newBuilder(URI.create(api + path));
    }

    static HttpRequest.Builder request(String method, String path, byte[] body) {
        return target(path).method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(body));
    }

    static HttpResponse<byte[]> send(HttpRequest.Builder request) throws Exception {
        return client.send(request.build(), BodyHandlers.ofByteArray());
    }

    static HttpResponse<byte[]> ask(String method, String path) throws Exception {
        return send(request(method, path, null));
    }

    static HttpResponse<byte[]> json(String path, String body) throws Exception {
        var request = request("POST", path, body.getBytes(StandardCharsets.UTF_8));
        return send(request.header("Content-Type", "application/json"));
    }

    static String text(HttpResponse<byte[]> answer) {
        return new String(answer.body(), StandardCharsets.UTF_8);
    }

    // The first value of that name, which is all that is needed of JSON here.
    static String field(HttpResponse<byte[]> answer, String name) {
        String value = "(\"(?:[^\"\\\\]|\\\\.)*\"|\\[[^\\]]*\\]|\\{[^}]*\\}|[^,}\\]\\s]+)";
        var found = Pattern.compile("\"" + name + "\":\\s*" + value).matcher(text(answer));
        return found.find() ? found.group(1) : "absent";
    }

    static void show(String step, HttpResponse<byte[]> answer, String... names) {
        List<Object> seen = new ArrayList<>(List.of(answer.statusCode(), answer.version()));
        for (String name : names) {
            seen.add(field(answer, name));
        }
        say(step, seen.toArray());
    }

    static void say(String step, Object... values) {
        StringBuilder line = new StringBuilder(step + ":");
        for (Object value : values) {
            line.append(" ").append(value);
        }
        System.out.println(line.toString().replaceAll("[0-9a-f]{64}", "ID"));
    }

    static String demultiplexed(byte[] frames) {
        String[] streams = {"", "", ""};
        ByteBuffer rest = ByteBuffer.wrap(frames);
        while (rest.hasRemaining()) {
            int stream = rest.getInt() >> 24;
            byte[] data = new byte[rest.getInt()];
            rest.get(data);
            streams[stream] += new String(data, StandardCharsets.UTF_8);
        }
        return ("stdout " + streams[1] + ", stderr " + streams[2]).replace("\n", "\\n");
    }

    // A tar archive of names and contents.
    static byte[] archive(Object... files) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int at = 0; at < files.length; at += 2) {
            byte[] data = (byte[]) files[at + 1];
            String name = (String) files[at];
            ByteBuffer head = ByteBuffer.allocate(512);
            head.put(0, name.getBytes(StandardCharsets.US_ASCII));
            head.put(100, "0000644\0".repeat(3).getBytes(StandardCharsets.US_ASCII));
            head.put(108, "0000000\0".repeat(2).getBytes(StandardCharsets.US_ASCII));
            head.put(124, String.format("%011o\0%011o\0        0", data.length, 0).getBytes(StandardCharsets.US_ASCII));
            int sum = 0;
            for (byte one : head.array()) {
                sum += one;
            }
            head.put(148, String.format("%06o\0 ", sum).getBytes(StandardCharsets.US_ASCII));
            out.write(head.array());
            out.write(data);
            out.write(new byte[(512 - data.length % 512) % 512]);
        }
        out.write(new byte[1024]);
        return out.toByteArray();
    }

    // Some megabytes that do not repeat within any buffer on the way.
    static byte[] bulk() {
        ByteBuffer made = ByteBuffer.allocate(4 * 800_000);
        for (int n = 0; n < 800_000; n++) {
            made.putInt(n * 0x9e3779b1);
        }
        return made.array();
    }

    static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    // The JDK's client has no unix sockets, so for an engine that has no other it gets a port of its own,
    // which passes on bytes.
    static String relay(String socket) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open();
        server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        thread(() -> {
            while (true) {
                SocketChannel near = server.accept();
                SocketChannel far = SocketChannel.open(StandardProtocolFamily.UNIX);
                far.connect(UnixDomainSocketAddress.of(socket));
                thread(() -> pass(near, far));
                thread(() -> pass(far, near));
            }
        });
        return "127.0.0.1:" + ((InetSocketAddress) server.getLocalAddress()).getPort();
    }

    static void pass(SocketChannel from, SocketChannel to) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
        while (from.read(buffer) >= 0) {
            buffer.flip();
            while (buffer.hasRemaining()) {
                to.write(buffer);
            }
            buffer.clear();
        }
        to.shutdownOutput();
    }

    interface Work {
        void run() throws IOException;
    }

    static void thread(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException ended) {
                // The other side has closed the connection.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }
}
