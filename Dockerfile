# BASE_IMAGE: glibc, libstdc++ and libatomic, and nothing else that runs; `make image` says more.
# The context is made by tools/bundle.ts: the programs, bundled, and the Node that runs them.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY --chmod=0755 node /usr/local/bin/node
COPY --chmod=0755 app /app
# A small young generation keeps an idle operator's memory small.
ENV NODE_OPTIONS="--enable-source-maps --max-semi-space-size=2"
USER 65532:65532
# Other programs of the image run by command: node /app/kubectl-agentcard.mjs, node /app/test-tls-agent.mjs
ENTRYPOINT ["node", "/app/agentcard-operator.mjs"]
