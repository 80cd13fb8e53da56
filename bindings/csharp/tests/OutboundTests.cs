using System;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using Xunit;

namespace Sonoran.Tests
{
    public class OutboundTests
    {
        private static SonoranEvent Result(SonoranSession session, int id)
        {
            var result = session.Until("SESSION_CALL_RESULT");
            Assert.Equal(id.ToString(), result["id"]);
            return result;
        }

        [Fact]
        public void ACallHasItsResult()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                var id = session.Invoke("echo", "[{\"a\":[1.50,\"\u00e9\"]}]");
                Assert.Equal("{\"a\":[1.50,\"\u00e9\"]}", Result(session, id)["result"]);
                id = session.Invoke("fail", "[\"no such unit\"]");
                Assert.Contains("no such unit", Result(session, id).Json);
                Assert.True(Assert.Throws<SonoranException>(() => session.Invoke("echo", "{}")).Code < 0);
            }
        }

        [Fact]
        public void UnitLocationsReachTheHub()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                // Sixty units, moved faster than the hub takes them: the last position of each arrives.
                const int units = 60, moves = 20;
                for (var move = 1; move <= moves; move++)
                    session.SendUnitLocations("[" + string.Join(",", Enumerable.Range(0, units).Select(unit =>
                        "{\"communityUserId\":\"cs" + server + "-" + unit + "\",\"location\":\"Street " + move + "\",\"coordinates\":{\"x\":" + move + ",\"y\":0,\"z\":0,\"w\":0}}").ToArray()) + "]");
                var clock = Stopwatch.StartNew();
                int arrived;
                do
                {
                    var calls = Hub.Shared.Get("/control/calls");
                    arrived = Enumerable.Range(0, units).Count(unit => calls.Contains("{\"communityUserId\":\"cs" + server + "-" + unit + "\",\"location\":\"Street " + moves + "\""));
                    Thread.Sleep(20);
                } while (arrived < units && clock.ElapsedMilliseconds < Native.Patience);
                Assert.Equal(units, arrived);
                Assert.Null(session.Poll());
            }
        }

        [Fact]
        public void AWrongUnitIsNamed()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                var error = Assert.Throws<SonoranException>(() => session.SendUnitLocations("[{\"communityUserId\":\"a\",\"location\":\"b\"},{\"communityUserId\":\"c\"}]"));
                Assert.Contains("location", error.Message);
                Assert.True(error.Code < 0);
            }
        }

        [Fact]
        public void APushThatCameByHttpJoinsTheStream()
        {
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                var body = "{\"key\":\"" + Hub.ApiKey.ToUpperInvariant() + "\",\"type\":\"EVENT_911\",\"data\":{\"n\":1.0}}";
                session.Ingest(body);
                Assert.Equal(body, session.Next().Json);
                foreach (var wrong in new[] { "{\"key\":\"no\",\"type\":\"EVENT_911\"}", "{\"type\":\"EVENT_911\"}", "{\"key\":\"demo-key\"}", "[]", "x", "" })
                    Assert.True(Assert.Throws<SonoranException>(() => session.Ingest(wrong)).Code < 0, wrong);
                Assert.Null(session.Poll());
            }
        }
    }
}
