// Prints the fields of the answers of Docker's API, one a line, from the types of its own Go module.
package main

import (
	"bufio"
	"fmt"
	"os"

	"dsp.invalid/fields/walk"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/plugin"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/api/types/volume"
)

const module = "github.com/moby/moby/api"

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintf(out, "# %s %s\n", module, walk.Version(module))
	walk.Print(out, []walk.Operation{
		{Name: "ContainerInspect", Body: container.InspectResponse{}},
		{Name: "ContainerList", Body: []container.Summary{}},
		{Name: "ContainerTop", Body: container.TopResponse{}},
		{Name: "ExecInspect", Body: container.ExecInspectResponse{}},
		{Name: "ImageInspect", Body: image.InspectResponse{}},
		{Name: "ImageList", Body: []image.Summary{}},
		{Name: "ImageHistory", Body: []image.HistoryResponseItem{}},
		{Name: "NetworkInspect", Body: network.Inspect{}},
		{Name: "NetworkList", Body: []network.Summary{}},
		{Name: "VolumeInspect", Body: volume.Volume{}},
		{Name: "VolumeList", Body: volume.ListResponse{}},
		{Name: "PluginInspect", Body: plugin.Plugin{}},
		{Name: "PluginList", Body: plugin.ListResponse{}},
		{Name: "SystemInfo", Body: system.Info{}},
		{Name: "SystemDataUsage", Body: system.DiskUsage{}},
		{Name: "SwarmInspect", Body: swarm.Swarm{}},
		{Name: "SwarmUnlockkey", Body: swarm.UnlockKeyResponse{}},
		{Name: "NodeInspect", Body: swarm.Node{}},
		{Name: "NodeList", Body: []swarm.Node{}},
		{Name: "ServiceInspect", Body: swarm.Service{}},
		{Name: "ServiceList", Body: []swarm.Service{}},
		{Name: "TaskInspect", Body: swarm.Task{}},
		{Name: "TaskList", Body: []swarm.Task{}},
		{Name: "SecretInspect", Body: swarm.Secret{}},
		{Name: "SecretList", Body: []swarm.Secret{}},
		{Name: "ConfigInspect", Body: swarm.Config{}},
		{Name: "ConfigList", Body: []swarm.Config{}},
	}, map[string]string{
		"time.Time": "text",
	})
}
