// Prints the fields of the bodies of podman's API, one a line, from the types of its own Go module.
package main

import (
	"bufio"
	"fmt"
	"os"

	"dsp.invalid/fields/walk"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
	netTypes "go.podman.io/common/libnetwork/types"
	"go.podman.io/podman/v6/pkg/api/handlers"
	"go.podman.io/podman/v6/pkg/domain/entities"
	"go.podman.io/podman/v6/pkg/specgen"
)

const module = "go.podman.io/podman/v6"

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintf(out, "# %s %s\n", module, walk.Version(module))
	walk.Print(out, []walk.Operation{
		{Name: "ContainerCreate", Body: handlers.CreateContainerConfig{}},
		{Name: "ContainerUpdate", Body: container.UpdateConfig{}},
		{Name: "ContainerExec", Body: handlers.ExecCreateConfig{}},
		{Name: "VolumeCreate", Body: client.VolumeCreateOptions{}},
		{Name: "NetworkCreate", Body: network.CreateRequest{}},
		{Name: "NetworkConnect", Body: network.ConnectRequest{}},
		{Name: "NetworkDisconnect", Body: network.DisconnectRequest{}},
		{Name: "SystemAuth", Body: registry.AuthConfig{}},
		{Name: "SecretCreate", Body: entities.SecretCreateRequest{}},
		{Name: "LibpodContainerCreate", Body: specgen.SpecGenerator{}},
		{Name: "LibpodContainerExec", Body: handlers.ExecCreateConfig{}},
		{Name: "LibpodContainerUpdate", Body: handlers.UpdateEntities{}},
		{Name: "LibpodVolumeCreate", Body: entities.VolumeCreateOptions{}},
		{Name: "LibpodNetworkCreate", Body: netTypes.Network{}},
		{Name: "LibpodNetworkConnect", Body: entities.NetworkConnectOptions{}},
		{Name: "LibpodNetworkDisconnect", Body: entities.NetworkDisconnectOptions{}},
		{Name: "LibpodPodCreate", Body: specgen.PodSpecGenerator{}},
	}, map[string]string{
		// It takes a list of bytes as well, which no client sends.
		"types.HardwareAddr": "text",
		"time.Time":          "text",
	})
}
