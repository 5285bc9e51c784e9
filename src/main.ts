#!/usr/bin/env node
process.stdout.write('agentcard-operator\n');
