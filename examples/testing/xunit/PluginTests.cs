using System;
using System.Threading;
using Sonoran.Events;
using Xunit;

namespace Example
{
    public sealed class PluginTests : IClassFixture<Hub>
    {
        private const string Call = "{\"key\":\"demo-key\",\"type\":\"EVENT_911\",\"data\":{\"call\":{\"callId\":1,\"caller\":\"Jo\"}}}";
        private static int _servers;

        private readonly Hub _hub;
        private readonly int _server = Interlocked.Increment(ref _servers);
        private readonly Plugin _plugin;

        public PluginTests(Hub hub)
        {
            _hub = hub;
            // null: beside the assembly, where the package puts it
            var library = SonoranLibrary.Load(Environment.GetEnvironmentVariable("SONORAN_LIBRARY"));
            _plugin = new Plugin(library.Connect(new SonoranOptions
            {
                { "communityId", "demo" }, { "apiKey", "demo-key" }, { "serverId", _server }, { "url", hub.Url },
                { "retryMinMs", 50 }, { "retryMaxMs", 500 },
            }));
            Until(() => _plugin.TimesReady == 1, "the session");
        }

        /// <summary>Ticks until something has happened; gives up after 30 s.</summary>
        private void Until(Func<bool> happened, string what)
        {
            var clock = System.Diagnostics.Stopwatch.StartNew();
            while (!happened())
            {
                Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), what + " did not happen: " + _plugin.Session.StatsJson());
                _plugin.Tick();
                Thread.Sleep(1);
            }
        }

        [Fact]
        public void It_reacts_to_a_911_call()
        {
            Assert.Contains("websocket", _hub.Post("push?serverId=" + _server, Call));
            Until(() => _plugin.Callers.Count == 1, "the call");
            Assert.Equal("Jo", _plugin.Callers[0]);
        }

        [Fact]
        public void It_survives_a_kick()
        {
            Assert.Equal("{\"aborted\":1}", _hub.Post("abort?serverId=" + _server));
            Until(() => _plugin.TimesReady == 2, "coming back");
            _hub.Post("push?serverId=" + _server, Call);
            Until(() => _plugin.Callers.Count == 1, "the call after the kick");
        }

        [Fact]
        public void It_sends_its_units()
        {
            _plugin.Report("steam:" + _server, "Grove Street");
            Until(() => _hub.Get("units").Contains("steam:" + _server), "the unit");
            Assert.Contains("Grove Street", _hub.Get("units"));
        }
    }
}
