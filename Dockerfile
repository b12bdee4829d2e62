# An image that contains dsp and nothing else. `scripts/image` makes its contents: a static binary, and
# an empty folder for the sockets. The image's user owns the folder, and so a new volume mounted there.
FROM scratch
COPY dsp /dsp
COPY --chown=65534:65534 sockets /run/dsp
USER 65534:65534
ENTRYPOINT ["/dsp"]
