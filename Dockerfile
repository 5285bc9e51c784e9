# BASE_IMAGE: glibc, libstdc++ and libatomic, and nothing else that runs; `make image` says more.
# The context is made by tools/bundle.ts: the programs, bundled, and the Node that runs them.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY --chmod=0755 node /usr/local/bin/node
COPY --chmod=0755 app /app
# A small young generation and one malloc arena keep an idle operator's memory small. Errors name functions; for lines,
# --enable-source-maps reads the maps beside the programs, and holds 27 MiB from the first error on.
ENV NODE_OPTIONS="--max-semi-space-size=2" MALLOC_ARENA_MAX=1
USER 65532:65532
# Other programs of the image run by command: node /app/kubectl-agentcard.mjs, node /app/test-tls-agent.mjs
ENTRYPOINT ["node", "/app/agentcard-operator.mjs"]
