export const operatorImage = 'localhost/agentcard-operator:e2e';
export const puppetImage = 'localhost/agentcard-puppet:e2e';
