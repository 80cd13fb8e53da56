Sonoran.on('event_911', (event, server, text) => console.log(`js 911 ${event.type} ${server} ${text[0] === '{'}`));
Sonoran.on('*', async event => {
	if (event.type === 'EVENT_FAIL') throw new Error('on purpose');
	console.log(`js all ${event.type}`);
});

on('test:js', async () => {
	const { value } = await exports.sonoran.call('echo', [[1.5, 'x']]);
	console.log(`js await ${value}`);
	console.log(`js call ${(await Sonoran.call('echo', [{ n: 2 }])).n}`);
	await Sonoran.call('nosuchmethod').catch(error => console.log(`js refused ${error && error.message || error}`));
	console.log(`js ready ${exports.sonoran.isReady()} ${exports.sonoran.isReady(4095)}`);
	console.log(`js bytes ${exports.sonoran.ingest(Buffer.from('{"key":"demo-key","type":"EVENT_BYTES"}'))}`);
});
