# An image that holds dsp and nothing else. `scripts/image` makes what it takes in: a static binary,
# and an empty folder for the sockets, which belongs to the image's user so that a new volume there does.
FROM scratch
COPY dsp /dsp
COPY --chown=65534:65534 sockets /run/dsp
USER 65534:65534
ENTRYPOINT ["/dsp"]
