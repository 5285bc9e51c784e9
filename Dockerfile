# `docker build .` needs nothing but this checkout. BUILD_IMAGE: Node with npm, and libatomic, on Debian. BASE_IMAGE: glibc 2.28 or newer,
# libstdc++ and libgcc, and nothing else that runs. `--build-context files=<folder>` takes a tree of files in place of building
# one, and then pulls the base alone.
ARG BUILD_IMAGE=docker.io/library/node:26-trixie
ARG BASE_IMAGE=gcr.io/distroless/cc-debian13:nonroot

# The programs are the same for every machine, so they are made once, on the one that builds.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS programs
WORKDIR /source
COPY package.json package-lock.json ./
COPY src/wire/package.json src/wire/
COPY src/spiffe/package.json src/spiffe/
COPY src/agentcard/package.json src/agentcard/
COPY src/kube/package.json src/kube/
COPY tools/link-bins.mjs tools/
RUN npm ci --no-audit --no-fund
COPY src src
COPY tools tools
RUN npx --no-install node tools/bundle.ts --programs

# The Node that runs them is the lock file's for the machine that the image is for; nothing of it runs here. Without its symbol
# table, where this machine's strip knows the other's programs: a fifth of its size, which only a debugger reads.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS runtime
ARG TARGETARCH
WORKDIR /runtime
COPY --from=programs /source/package.json /source/package-lock.json ./
RUN cpu=$(echo "${TARGETARCH:-$(dpkg --print-architecture)}" | sed s/amd64/x64/) \
  && npm ci --no-audit --no-fund --omit=dev --ignore-scripts --workspaces=false --os=linux --libc=glibc --cpu="$cpu" \
  && install -D -m 0755 "node_modules/node-linux-$cpu/bin/node" /files/usr/local/bin/node \
  && { strip /files/usr/local/bin/node || true; }

# Node needs libatomic, which the base lacks.
FROM ${BUILD_IMAGE} AS libraries

FROM scratch AS files
COPY --from=programs /source/dist/image/app /app
COPY --from=runtime /files /
COPY --from=libraries /usr/lib/*-linux-gnu/libatomic.so.1* /usr/lib/

FROM ${BASE_IMAGE}
COPY --from=files / /
# A small young generation and one malloc arena keep an idle operator's memory small. Errors name functions; for lines,
# --enable-source-maps reads the maps beside the programs, and holds 27 MiB from the first error on.
ENV NODE_OPTIONS="--max-semi-space-size=4" MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=65536
USER 65532:65532
# Other programs of the image run by command: node /app/kubectl-agentcard.mjs, node /app/test-tls-agent.mjs
ENTRYPOINT ["node", "/app/agentcard-operator.mjs"]
