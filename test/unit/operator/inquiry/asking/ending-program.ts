process.stderr.write('last\u001b words\n');
process.exitCode = 7;
