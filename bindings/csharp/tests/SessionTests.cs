using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Sonoran.Events;
using Xunit;

namespace Sonoran.Tests
{
    public class SessionTests
    {
        [Fact]
        public void TheFixturesArriveByteForByte()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                var payloads = Hub.Fixtures();
                // Text that System.Text.Json or a double would change, and text beyond the fixtures' ASCII.
                payloads.Add("{ \"key\":\"k\",\"type\" : \"EVENT_X\",\"n\":[1e400,-0,12345678901234567890,1.10],\"e\":\"\\/\\u0041\\ud800\u00e9\ud83d\ude00\",\"d\":1,\"d\":2 }");
                payloads.Add("{\"type\":\"EVENT_LONG\",\"data\":\"" + new string('\u20ac', 300000) + "\"}");
                foreach (var payload in payloads) Hub.Shared.Push(server, payload);
                foreach (var payload in payloads)
                {
                    var got = session.Next();
                    Assert.Equal(payload, got.Json);
                    Assert.Equal(Json.Text(payload, "type"), got.Type);
                }
            }
        }

        [Fact]
        public void ATextOfAnyLengthEndsWhereItEnds()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
                for (var length = 0; length < 40; length++)
                {
                    var payload = "{\"type\":\"T\",\"d\":\"" + new string('x', length) + "\"}";
                    Hub.Shared.Push(server, payload);
                    Assert.Equal(payload, session.Next().Json);
                }
        }

        [Fact]
        public void ReadyTellsTheServer()
        {
            var server = Hub.NewServer();
            using (var session = Native.Library.Connect(Hub.Shared.Options(server)))
            {
                var ready = session.Until("SESSION_READY");
                Assert.Equal(server.ToString(), ready["serverId"]);
                Assert.Equal(SonoranState.Ready, session.State);
                Assert.Equal("ready", Json.Text(session.StatsJson(), "state"));
                Assert.Null(session.Poll());
            }
        }

        [Fact]
        public void AnEventShowsItsTypeAloneWhenPrinted()
        {
            Assert.Equal("EVENT_911", new SonoranEvent("{\"key\":\"secret\",\"type\":\"EVENT_911\"}").ToString());
        }

        [Theory]
        [InlineData("{\"communityId\":\"a\",\"apiKey\":\"secret\",\"serverld\":1}", -3, "SONORAN_E_OPTION", "serverld")]
        [InlineData("{\"communityId\":\"a\",\"apiKey\":\"secret\",\"serverId\":-1}", -3, "SONORAN_E_OPTION", "serverId")]
        [InlineData("{\"communityId\":\"a\",\"apiKey\":\"secret\"", -2, "SONORAN_E_JSON", "")]
        [InlineData("[]", -2, "SONORAN_E_JSON", "")]
        [InlineData(null, -1, "SONORAN_E_ARGUMENT", "")]
        public void WrongOptionsAreNamed(string options, int code, string name, string part)
        {
            var error = Assert.Throws<SonoranException>(() => Native.Library.Connect(options));
            Assert.Equal(code, error.Code);
            Assert.Equal(name, error.Name);
            Assert.Contains(part, error.Message);
            Assert.True(error.Message.Length > 10, error.Message);
            Assert.DoesNotContain("secret", error.Message);
        }

        [Fact]
        public void WhatIsNoTextIsRefused()
        {
            Assert.Contains("NUL", Assert.Throws<ArgumentException>(() => Native.Library.Connect("{\0}")).Message);
            Assert.Contains("surrogate", Assert.Throws<ArgumentException>(() => Native.Library.Connect("{\"a\":\"\ud83d\"}")).Message);
        }

        [Fact]
        public void AWrongKeyIsRejectedInTheHubsWords()
        {
            var options = Hub.Shared.Options(Hub.NewServer()).ToJson().Replace(Hub.ApiKey, "wrong-key");
            using (var session = Native.Library.Connect(options))
            {
                var rejected = session.Until("SESSION_REJECTED");
                Assert.Contains("Invalid API key.", rejected["message"]);
                Assert.DoesNotContain("wrong-key", rejected.Json);
                Assert.True(int.Parse(rejected["retryInMs"]) >= 1000);
            }
        }

        [Fact]
        public void AnEndedSessionGivesItsLastEventsAndIsGone()
        {
            int server;
            var session = Hub.Shared.Ready(out server);
            Hub.Shared.Push(server, "{\"type\":\"EVENT_LAST\"}");
            while (Json.Text(session.StatsJson(), "queuedEvents") == "0") Thread.Yield();
            session.Dispose();
            session.Disconnect();
            Assert.Equal("EVENT_LAST", session.Next().Type);
            var closed = session.Next();
            Assert.Equal("SESSION_CLOSED", closed.Type);
            Assert.Equal("disconnected", closed["code"]);
            Assert.Equal(SonoranState.Gone, session.State);
            Assert.Null(session.Poll());
            Assert.Equal(-10, Assert.Throws<SonoranException>(() => session.Wait(0)).Code);
            Assert.Equal("SONORAN_E_SESSION", Assert.Throws<SonoranException>(() => session.StatsJson()).Name);
            session.Dispose();
        }

        [Fact]
        public void ASuccessorTakesOverWhatWasNotTaken()
        {
            int server;
            var first = Hub.Shared.Ready(out server);
            for (var i = 0; i < 10; i++) Hub.Shared.Push(server, "{\"type\":\"EVENT_" + i + "\"}");
            while (Json.Text(first.StatsJson(), "queuedEvents") != "10") Thread.Yield();
            Assert.Equal("EVENT_0", first.Next().Type);
            using (var second = Native.Library.Connect(Hub.Shared.Options(server)))
            {
                Assert.Equal(SonoranState.Gone, first.State);
                var types = new List<string>();
                while (types.Count < 9)
                {
                    var type = second.Next().Type;
                    if (type.StartsWith("EVENT_", StringComparison.Ordinal)) types.Add(type);
                }
                Assert.Equal(Enumerable.Range(1, 9).Select(i => "EVENT_" + i), types);
            }
        }

        [Fact]
        public void ReadersOfOneSessionEachGetWhatTheyWant()
        {
            var server = Hub.NewServer();
            var options = Hub.Shared.Options(server);
            options.Reader = "map";
            using (var map = Native.Library.Connect(options))
            {
                map.Until("SESSION_READY");
                options.Reader = "discord";
                options.Types = new[] { "EVENT_B" };
                using (var discord = Native.Library.Connect(options))
                {
                    Assert.Equal("true", discord.Until("SESSION_READY")["resumed"]);
                    Hub.Shared.Push(server, "{\"type\":\"EVENT_A\"}");
                    Hub.Shared.Push(server, "{\"type\":\"EVENT_B\"}");
                    Assert.Equal("EVENT_B", discord.Next().Type);
                    Assert.Equal("EVENT_A", map.Next().Type);
                    Assert.Equal("EVENT_B", map.Next().Type);
                    options.Reader = "third";
                    options.StableMs = 1;
                    var refused = Assert.Throws<SonoranException>(() => Native.Library.Connect(options));
                    Assert.Equal("SONORAN_E_EXISTS", refused.Name);
                    Assert.Contains("\"stableMs\"", refused.Message);
                }
                Hub.Shared.Push(server, "{\"type\":\"EVENT_C\"}");
                Assert.Equal("EVENT_C", map.Next().Type);
            }
        }

        [Fact]
        public void DrainKeepsToItsBudget()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                const int count = 200;
                Hub.Shared.Post("/control/burst?serverId=" + server + "&count=" + count);
                while (Json.Text(session.StatsJson(), "queuedEvents") != count.ToString()) Thread.Yield();
                Assert.Equal(1, session.Drain(e => { }, 0));
                var slow = session.Drain(e => Thread.Sleep(20), 1);
                Assert.Equal(1, slow);
                var seen = new List<string>();
                while (seen.Count < count - 2) Assert.True(session.Drain(e => seen.Add(Json.Text(e["data"], "seq")), 1000) > 0);
                Assert.Equal(Enumerable.Range(2, count - 2).Select(i => i.ToString()), seen);
                Assert.Equal(0, session.Drain(e => { }, 1000));
            }
        }

        [Fact]
        public void ALostLinkComesBack()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                Hub.Shared.Post("/control/abort?serverId=" + server);
                var lost = session.Until("SESSION_LOST");
                Assert.True(int.Parse(lost["retryInMs"]) >= 0);
                session.Until("SESSION_READY");
                Hub.Shared.Push(server, "{\"type\":\"EVENT_AFTER\"}");
                Assert.Equal("EVENT_AFTER", session.Next().Type);
            }
        }
    }
}
