//! Harmless jobs, from which profiles are learned. A job uses the operations through which others
//! escape, but only with what belongs to it. The names are those of the attacker in the scene, so that
//! no escape is denied because of a name.

/// What a program does with its own containers, network, volume, images and folder.
pub const DOCKER: &str = r#"
set -e
docker network create --label job=1 esc-own-net >/dev/null
docker volume create --label job=1 job-data >/dev/null
docker run -d --name esc-own --network esc-own-net --label job=1 -v job-data:/data -v "$PWD/work:/job" \
    busybox sh -c 'echo up; exec sleep 1000' >/dev/null
docker create --name esc-created --network esc-own-net --label job=1 -m 64m busybox sleep 1000 >/dev/null
docker start esc-created >/dev/null
docker network disconnect esc-own-net esc-created
docker network connect esc-own-net esc-created
docker exec esc-own sh -c 'echo made >/data/made; cat /job/input'
docker cp work/input esc-own:/tmp/input
docker cp esc-own:/tmp/input - | tar -t
docker logs esc-own
docker inspect esc-own >/dev/null
docker ps -a >/dev/null
docker update --restart no esc-own >/dev/null
docker commit esc-own dsp-escape:1 >/dev/null
docker tag dsp-escape:1 dsp-escape:2
tar -c work | docker import - dsp-escape:1 >/dev/null
DOCKER_BUILDKIT=0 docker build -q -t dsp-escape:1 work >/dev/null
docker rename esc-created job-renamed
docker kill esc-own job-renamed >/dev/null
docker rm -f -v esc-own job-renamed >/dev/null
docker container prune -f --filter label=job=1 >/dev/null
docker volume prune -f --filter label=job=1 >/dev/null
docker network prune -f --filter label=job=1 >/dev/null
docker image prune -f --filter label=job=1 >/dev/null
docker volume rm -f job-data >/dev/null
docker network rm esc-own-net >/dev/null 2>&1 || true
docker rmi -f dsp-escape:1 dsp-escape:2 >/dev/null
"#;

/// The same of a program that does not know that it talks to podman.
pub const DOCKER_OF_PODMAN: &str = r#"
set -e
docker network create --label job=1 esc-own-net >/dev/null
docker volume create --label job=1 job-data >/dev/null
docker run -d --name esc-own --network esc-own-net --label job=1 -v job-data:/data -v "$PWD/work:/job" \
    busybox sh -c 'echo up; exec sleep 1000' >/dev/null
docker create --name esc-created --network esc-own-net --label job=1 busybox sleep 1000 >/dev/null
docker start esc-created >/dev/null
docker network disconnect esc-own-net esc-created
docker network connect esc-own-net esc-created
docker exec esc-own sh -c 'echo made >/data/made; cat /job/input'
docker cp work/input esc-own:/tmp/input
docker cp esc-own:/tmp/input - | tar -t
docker logs esc-own
docker inspect esc-own >/dev/null
docker ps -a >/dev/null
# podman 4.3 wants a body, which the client does not send.
docker commit esc-own dsp-escape:1 >/dev/null 2>&1 || docker tag busybox dsp-escape:1
docker tag dsp-escape:1 dsp-escape:2
tar -c work | docker import - dsp-escape:1 >/dev/null
DOCKER_BUILDKIT=0 docker build -q -t dsp-escape:1 work >/dev/null
docker rename esc-created job-renamed
docker kill esc-own job-renamed >/dev/null
docker rm -f -v esc-own job-renamed >/dev/null
docker container prune -f --filter label=job=1 >/dev/null
docker volume prune -f --filter label=job=1 >/dev/null
docker network prune -f --filter label=job=1 >/dev/null
docker image prune -f --filter label=job=1 >/dev/null
docker volume rm -f job-data >/dev/null
docker network rm esc-own-net >/dev/null 2>&1 || true
docker rmi -f dsp-escape:1 dsp-escape:2 >/dev/null
"#;

/// The same through podman's own API, with what only podman has.
pub const PODMAN: &str = r#"
podman network create --label job=1 esc-own-net >/dev/null
podman volume create --label job=1 job-data >/dev/null
podman pod create --infra=false --label job=1 job-pod >/dev/null
echo secret | podman secret create job-secret - >/dev/null
podman run -d --name esc-own --network esc-own-net --label job=1 -v job-data:/data -v "$PWD/work:/job" \
    busybox:latest sh -c 'echo up; exec sleep 1000' >/dev/null
podman create --name esc-created --network none --label job=1 busybox:latest sleep 1000 >/dev/null
podman start esc-created >/dev/null
podman network disconnect esc-own-net esc-own
podman network connect esc-own-net esc-own
podman exec esc-own sh -c 'echo made >/data/made; cat /job/input'
podman cp work/input esc-own:/tmp/input
podman cp esc-own:/tmp/input - | tar -t
podman logs esc-own
podman inspect esc-own >/dev/null
podman ps -a >/dev/null
# podman 4.3 cannot.
podman update --cpu-shares 512 esc-own >/dev/null 2>&1 || true
podman commit -q esc-own dsp-escape:1 >/dev/null 2>&1
podman tag dsp-escape:1 dsp-escape:2
tar -c work | podman import -q - dsp-escape:1 >/dev/null
podman build -q -t dsp-escape:1 work >/dev/null
podman rename esc-created job-renamed
podman kill esc-own job-renamed >/dev/null
podman rm -f -v esc-own job-renamed >/dev/null
podman container prune -f --filter label=job=1 >/dev/null
podman volume prune -f --filter label=job=1 >/dev/null
podman network prune -f --filter label=job=1 >/dev/null
podman image prune -f --filter label=job=1 >/dev/null
podman volume rm -f job-data >/dev/null
podman secret rm job-secret >/dev/null
podman pod rm -f job-pod >/dev/null
podman network rm -f esc-own-net >/dev/null 2>&1 || true
podman rmi -f dsp-escape:1 dsp-escape:2 >/dev/null
"#;
