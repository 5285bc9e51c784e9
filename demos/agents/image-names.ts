export const operatorImage = 'localhost/agentcard-operator:demo';
export const sdkAgentImage = 'localhost/demo-sdk-agent:demo';
export const pythonAgentImage = 'localhost/demo-python-agent:demo';
