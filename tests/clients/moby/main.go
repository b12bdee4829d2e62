// A program that uses Docker's own client library for Go.
package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

const image = "busybox:latest"

const dockerfile = "FROM busybox\nCOPY data /data\nRUN wc -c /data && echo built >/made\nCMD [\"cat\", \"/made\"]\n"

var (
	ctx   = context.Background()
	ids   = regexp.MustCompile("[0-9a-f]{64}")
	bulk  = makeBulk()
	shell = []string{"sh", "-c", "echo out; echo err >&2; cat; exit 3"}
)

func main() {
	api := must(client.New(client.FromEnv))
	for _, step := range []func(*client.Client){engine, images, build, life, running, networksAndVolumes} {
		step(api)
	}
	check(api.Close())
}

func engine(api *client.Client) {
	ping := must(api.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}))
	say("ping", ping.APIVersion, ping.OSType, ping.BuilderVersion)
	say("negotiated", api.ClientVersion())
	version := must(api.ServerVersion(ctx, client.ServerVersionOptions{}))
	say("version", version.APIVersion, version.Os, len(version.Components))
	say("info", must(api.Info(ctx, client.InfoOptions{})).Info.OSType)
	_, err := api.DiskUsage(ctx, client.DiskUsageOptions{Containers: true, Images: true})
	say("disk use", err == nil)
}

func images(api *client.Client) {
	for _, found := range must(api.ImageList(ctx, client.ImageListOptions{Filters: client.Filters{}.Add("reference", "busybox")})).Items {
		say("image", found.RepoTags)
	}
	must(api.ImageTag(ctx, client.ImageTagOptions{Source: image, Target: "go-tag:1"}))
	saved := all(must(api.ImageSave(ctx, []string{"go-tag:1"})))
	say("untag", len(must(api.ImageRemove(ctx, "go-tag:1", client.ImageRemoveOptions{})).Items))
	say("load", messages(all(must(api.ImageLoad(ctx, bytes.NewReader(saved))))))
	must(api.ImageRemove(ctx, "go-tag:1", client.ImageRemoveOptions{}))
	_, err := api.ImageInspect(ctx, "no-such-image")
	refused("absent image", err)
	_, err = api.ImagePull(ctx, "127.0.0.1:1/no-such-image:1", client.ImagePullOptions{})
	refused("pull from nowhere", err)
}

func build(api *client.Client) {
	context := archive("Dockerfile", []byte(dockerfile), "data", bulk)
	options := client.ImageBuildOptions{Tags: []string{"go-build"}, NoCache: true, NetworkMode: "none", Remove: true}
	built := must(api.ImageBuild(ctx, context, options))
	say("build", messages(all(built.Body)))
	say("its command", must(api.ImageInspect(ctx, "go-build")).Config.Cmd)
	must(api.ImageRemove(ctx, "go-build", client.ImageRemoveOptions{}))
}

// A container from its creation to its removal, with input through a hijacked connection.
func life(api *client.Client) {
	options := client.ContainerCreateOptions{
		Name:   "go-life",
		Config: &container.Config{Image: image, Cmd: shell, OpenStdin: true, StdinOnce: true, AttachStdin: true},
	}
	created := must(api.ContainerCreate(ctx, options))
	_, err := api.ContainerCreate(ctx, options)
	refused("a second of that name", err)
	both := client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true}
	attached := must(api.ContainerAttach(ctx, created.ID, both))
	ended := api.ContainerWait(ctx, created.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	must(api.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}))
	follow := must(api.ContainerLogs(ctx, created.ID, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true}))
	say("attached", talk(attached.HijackedResponse, []byte("typed\n")))
	select {
	case result := <-ended.Result:
		say("wait", result.StatusCode)
	case err := <-ended.Error:
		check(err)
	}
	say("followed", streams(follow))
	last := must(api.ContainerLogs(ctx, created.ID, client.ContainerLogsOptions{ShowStdout: true, Tail: "1"}))
	say("last line", streams(last))
	must(api.ContainerRename(ctx, created.ID, client.ContainerRenameOptions{NewName: "go-renamed"}))
	seen := must(api.ContainerInspect(ctx, "go-renamed", client.ContainerInspectOptions{})).Container
	say("renamed", seen.Name, seen.State.ExitCode)
	say("export", len(all(must(api.ContainerExport(ctx, created.ID, client.ContainerExportOptions{})))) > len(bulk)/4)
	must(api.ContainerRemove(ctx, created.ID, client.ContainerRemoveOptions{}))
	_, err = api.ContainerInspect(ctx, "go-life", client.ContainerInspectOptions{})
	refused("absent container", err)
}

func running(api *client.Client) {
	since := time.Now().Unix()
	created := must(api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name:   "go-run",
		Config: &container.Config{Image: image, Cmd: []string{"sleep", "1000"}, Tty: true},
	}))
	id := created.ID
	must(api.ContainerStart(ctx, id, client.ContainerStartOptions{}))
	for _, found := range must(api.ContainerList(ctx, client.ContainerListOptions{})).Items {
		say("listed", found.Names, found.State)
	}
	top := must(api.ContainerTop(ctx, id, client.ContainerTopOptions{}))
	say("top", len(top.Processes))
	must(api.ContainerResize(ctx, id, client.ContainerResizeOptions{Height: 40, Width: 100}))
	executions(api, id)
	bytesSurvive(api, id)
	sample := must(api.ContainerStats(ctx, id, client.ContainerStatsOptions{}))
	say("stats", strings.Contains(string(all(sample.Body)), "go-run"))
	stream := must(api.ContainerStats(ctx, id, client.ContainerStatsOptions{Stream: true}))
	var first, second map[string]any
	samples := json.NewDecoder(stream.Body)
	check(samples.Decode(&first))
	check(samples.Decode(&second))
	check(stream.Body.Close())
	say("streamed stats", first["name"] == second["name"])
	must(api.ContainerPause(ctx, id, client.ContainerPauseOptions{}))
	must(api.ContainerUnpause(ctx, id, client.ContainerUnpauseOptions{}))
	now := 0
	must(api.ContainerRestart(ctx, id, client.ContainerRestartOptions{Timeout: &now}))
	must(api.ContainerStop(ctx, id, client.ContainerStopOptions{Timeout: &now}))
	_, err := api.ContainerKill(ctx, id, client.ContainerKillOptions{})
	refused("kill what has ended", err)
	must(api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{}))
	say("events", events(api, id, since))
}

func executions(api *client.Client, id string) {
	run := func(step string, options client.ExecCreateOptions, input []byte) {
		options.AttachStdin, options.AttachStdout, options.AttachStderr = input != nil, true, true
		exec := must(api.ExecCreate(ctx, id, options))
		attached := must(api.ExecAttach(ctx, exec.ID, client.ExecAttachOptions{TTY: options.TTY}))
		if options.TTY {
			say(step, string(must(io.ReadAll(attached.Reader))))
			attached.Close()
		} else {
			say(step, talk(attached.HijackedResponse, input))
		}
		say(step, must(api.ExecInspect(ctx, exec.ID, client.ExecInspectOptions{})).ExitCode)
	}
	run("exec", client.ExecCreateOptions{Cmd: shell}, nil)
	run("exec with input", client.ExecCreateOptions{Cmd: shell}, []byte("typed\n"))
	run("much input", client.ExecCreateOptions{Cmd: []string{"wc", "-c"}}, bulk)
	run("exec in a terminal", client.ExecCreateOptions{Cmd: []string{"sh", "-c", "test -t 1 && echo terminal"}, TTY: true}, nil)
	detached := must(api.ExecCreate(ctx, id, client.ExecCreateOptions{Cmd: []string{"true"}}))
	must(api.ExecStart(ctx, detached.ID, client.ExecStartOptions{Detach: true}))
	_, err := api.ExecAttach(ctx, "no-such-exec", client.ExecAttachOptions{})
	refused("absent exec", err)
}

func bytesSurvive(api *client.Client, id string) {
	to := client.CopyToContainerOptions{DestinationPath: "/tmp", Content: archive("bulk", bulk)}
	must(api.CopyToContainer(ctx, id, to))
	from := must(api.CopyFromContainer(ctx, id, client.CopyFromContainerOptions{SourcePath: "/tmp/bulk"}))
	files := tar.NewReader(from.Content)
	say("archive", must(files.Next()).Name, from.Stat.Size, bytes.Equal(must(io.ReadAll(files)), bulk))
	check(from.Content.Close())
	_, err := api.CopyFromContainer(ctx, id, client.CopyFromContainerOptions{SourcePath: "/no-such-file"})
	refused("get what is absent", err)
}

// Those whose order and number the engine keeps.
func events(api *client.Client, id string, since int64) []string {
	var seen []string
	result := api.Events(ctx, client.EventsListOptions{
		Since:   strconv.FormatInt(since, 10),
		Until:   strconv.FormatInt(time.Now().Unix()+1, 10),
		Filters: client.Filters{}.Add("container", id),
	})
	uncertain := regexp.MustCompile("^(exec|pause|unpause|stop)")
	for {
		select {
		case event := <-result.Messages:
			if !uncertain.MatchString(string(event.Action)) {
				seen = append(seen, string(event.Action))
			}
		case err := <-result.Err:
			if err != io.EOF {
				check(err)
			}
			return seen
		}
	}
}

func networksAndVolumes(api *client.Client) {
	must(api.NetworkCreate(ctx, "go-net", client.NetworkCreateOptions{Internal: true, Labels: map[string]string{"a": "b"}}))
	network := must(api.NetworkInspect(ctx, "go-net", client.NetworkInspectOptions{})).Network
	say("network", network.Name, network.Driver, network.Internal, network.Labels)
	must(api.NetworkRemove(ctx, "go-net", client.NetworkRemoveOptions{}))
	_, err := api.NetworkInspect(ctx, "go-net", client.NetworkInspectOptions{})
	refused("absent network", err)
	must(api.VolumeCreate(ctx, client.VolumeCreateOptions{Name: "go-vol", Labels: map[string]string{"a": "b"}}))
	volume := must(api.VolumeInspect(ctx, "go-vol", client.VolumeInspectOptions{})).Volume
	say("volume", volume.Name, volume.Driver, volume.Labels)
	must(api.VolumeRemove(ctx, "go-vol", client.VolumeRemoveOptions{}))
	_, err = api.VolumeInspect(ctx, "go-vol", client.VolumeInspectOptions{})
	refused("absent volume", err)
}

// Sends all of the input and its end, and reads the output in the meantime.
func talk(stream client.HijackedResponse, input []byte) string {
	defer stream.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		// If the program does not read its input, its output shows that.
		_, _ = stream.Conn.Write(input)
		_ = stream.CloseWrite()
	}()
	seen := streams(stream.Reader)
	<-sent
	return seen
}

func streams(from io.Reader) string {
	var out, err bytes.Buffer
	must(stdcopy.StdCopy(&out, &err, from))
	return fmt.Sprintf("stdout %q, stderr %q", out.String(), err.String())
}

// What a stream of progress says, without the IDs of what is made.
func messages(stream []byte) []string {
	var said []string
	varies := regexp.MustCompile("^( ---> |Removing intermediate|Successfully built|\n)| --->")
	lines := json.NewDecoder(bytes.NewReader(stream))
	for {
		var line struct{ Stream, Error string }
		if err := lines.Decode(&line); err == io.EOF {
			return said
		} else {
			check(err)
		}
		if text := line.Stream + line.Error; text != "" && !varies.MatchString(text) {
			said = append(said, text)
		}
	}
}

// A tar archive of names and contents.
func archive(files ...any) io.Reader {
	var written bytes.Buffer
	to := tar.NewWriter(&written)
	for len(files) > 0 {
		name, data := files[0].(string), files[1].([]byte)
		check(to.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}))
		must(to.Write(data))
		files = files[2:]
	}
	check(to.Close())
	return &written
}

// Some megabytes that do not repeat within any buffer on the way.
func makeBulk() []byte {
	var made []byte
	for n := range 100_000 {
		digest := sha256.Sum256([]byte(strconv.Itoa(n)))
		made = append(made, digest[:]...)
	}
	return made
}

func all(from io.ReadCloser) []byte {
	read := must(io.ReadAll(from))
	check(from.Close())
	return read
}

func say(step string, values ...any) {
	line := step + ":"
	for _, value := range values {
		line += " " + string(must(json.Marshal(value)))
	}
	fmt.Println(ids.ReplaceAllString(line, "ID"))
}

// The error that a program gets.
func refused(step string, err error) {
	if err == nil {
		say(step, "no error")
	} else {
		say(step, err.Error())
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, ids.ReplaceAllString(err.Error(), "ID"))
		os.Exit(1)
	}
}
