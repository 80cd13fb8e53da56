using System;
using System.Linq;
using System.Threading;
using Sonoran.Events;
using Sonoran.Tests;
using Xunit;

namespace FxServerHost
{
    public class HttpTests
    {
        private static string Event(FxServer fx, string body, string url = "/sonoran/event", string method = "POST", int expected = 200)
        {
            int status;
            var answer = fx.Request(method, url, body, out status);
            Assert.Equal(expected, status);
            return answer;
        }

        [Fact]
        public void ItAnswersAsSonoranCadDoes()
        {
            int server;
            using (var fx = ResourceTests.Started(Hub.Shared, out server))
            {
                const string bad = "{\"error\":\"bad request\"}";
                Assert.Equal("ok", Event(fx, "{\"key\":\"" + Hub.ApiKey.ToUpperInvariant() + "\",\"type\":\"EVENT_911\",\"data\":1.0}"));
                Assert.Equal("ok", Event(fx, "{\"key\":\"" + Hub.ApiKey + "\",\"type\":\"EVENT_B\"}", "/sonoran/event?x=1"));
                Assert.Equal("error", Event(fx, "{\"key\":\"wrong\",\"type\":\"EVENT_911\"}"));
                Assert.Equal("error", Event(fx, "{\"type\":\"EVENT_911\"}"));
                Assert.Equal(bad, Event(fx, "{\"key\":\"" + Hub.ApiKey + "\"}"));
                Assert.Equal(bad, Event(fx, "{\"key\":"));
                Assert.Equal(bad, Event(fx, "[]"));
                Assert.Equal(bad, Event(fx, ""));
                Assert.Equal("Not found.", Event(fx, "{}", "/sonoran/info", "POST", 404));
                Assert.Equal("Not found.", Event(fx, null, "/sonoran/event", "GET", 404));
                var heard = ResourceTests.Pushes(fx, 2);
                Assert.Equal(new[] { "{\"type\":\"EVENT_911\",\"data\":1.0}", "{\"type\":\"EVENT_B\"}" }, heard.Select(e => e.Json));
                Assert.Equal(true, (bool)fx.Export("sonoran", "ingest", "{\"key\":\"" + Hub.ApiKey + "\",\"type\":\"EVENT_C\"}"));
                Assert.Equal(false, (bool)fx.Export("sonoran", "ingest", "{\"key\":\"wrong\",\"type\":\"EVENT_C\"}"));
                ResourceTests.Pushes(fx, 3);
            }
        }

        /// <summary>The whole path: the hub refuses the session, posts to the game server instead, and the event arrives.</summary>
        [Fact]
        public void WhatTheHubPostsMeanwhileArrives()
        {
            int server;
            Listener.Forget();
            using (var web = new WebServer())
            using (var hub = new Hub(web.Address + "/sonorancad/event"))
            using (var fx = ResourceTests.Configured(hub, out server, ",\"authRetryMinMs\":1000,\"authRetryMaxMs\":1000"))
            {
                fx.AddFolder("sonorancad", FxServer.Folder("sonoran"));
                hub.Post("/control/auth?reject=true");
                fx.Start("sonorancad");
                fx.UntilTold("Invalid API key.");
                var body = "{\"key\":\"" + Hub.ApiKey + "\",\"type\":\"EVENT_911\",\"data\":{\"n\":1}}";
                var push = hub.PostAsync("/control/push?shape=verbatim&serverId=" + server, body);
                fx.Until(() =>
                {
                    web.Serve(fx);
                    return push.IsCompleted;
                }, "the hub's post");
                Assert.Contains("http 200", push.Result);
                Assert.Equal("{\"type\":\"EVENT_911\",\"data\":{\"n\":1}}", ResourceTests.Pushes(fx, 1)[0].Json);
                hub.Post("/control/auth");
                fx.UntilTold("server " + server + ": connected.");
                hub.Push(server, "{\"type\":\"EVENT_B\"}");
                Assert.Equal("EVENT_B", ResourceTests.Pushes(fx, 2)[1].Type);
            }
        }
    }
}
