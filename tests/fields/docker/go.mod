module dsp.invalid/fields/docker

go 1.24

require (
	dsp.invalid/fields/walk v0.0.0
	github.com/moby/moby/api v1.57.0
)

require (
	github.com/docker/go-units v0.5.0 // indirect
	github.com/moby/docker-image-spec v1.3.1 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/opencontainers/image-spec v1.1.1 // indirect
)

replace dsp.invalid/fields/walk => ../walk
