// Prints the fields of the bodies of Docker's API, one a line, from the types of its own Go module.
package main

import (
	"bufio"
	"fmt"
	"os"

	"dsp.invalid/fields/walk"
	"github.com/moby/moby/api/types/checkpoint"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/api/types/volume"
)

const module = "github.com/moby/moby/api"

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintf(out, "# %s %s\n", module, walk.Version(module))
	walk.Print(out, []walk.Operation{
		{Name: "ContainerCreate", Body: container.CreateRequest{}},
		{Name: "ContainerUpdate", Body: container.UpdateConfig{}},
		{Name: "ContainerExec", Body: container.ExecCreateRequest{}},
		{Name: "ContainerCheckpointCreate", Body: checkpoint.CreateRequest{}},
		{Name: "ImageCommit", Body: container.Config{}},
		{Name: "VolumeCreate", Body: volume.CreateRequest{}},
		{Name: "NetworkCreate", Body: network.CreateRequest{}},
		{Name: "NetworkConnect", Body: network.ConnectRequest{}},
		{Name: "NetworkDisconnect", Body: network.DisconnectRequest{}},
		{Name: "SystemAuth", Body: registry.AuthConfig{}},
		{Name: "ServiceCreate", Body: swarm.ServiceSpec{}},
		{Name: "ServiceUpdate", Body: swarm.ServiceSpec{}},
		{Name: "SecretCreate", Body: swarm.SecretSpec{}},
		{Name: "SecretUpdate", Body: swarm.SecretSpec{}},
		{Name: "ConfigCreate", Body: swarm.ConfigSpec{}},
		{Name: "ConfigUpdate", Body: swarm.ConfigSpec{}},
	}, nil)
}
