using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;
using Sonoran.Events;
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

        /// <summary>Five hundred units, all moving at 20 Hz, and a link that breaks midway.</summary>
        [Fact]
        public void UnitLocationsKeepTheHubsRules()
        {
            const int units = 500, moves = 100, tickMs = 50;
            int server;
            using (var session = Hub.Shared.Ready(out server))
            {
                var sending = Stopwatch.StartNew();
                var spent = TimeSpan.Zero;
                for (var move = 1; move <= moves; move++)
                {
                    if (move == moves / 2) Hub.Shared.Post("/control/abort?serverId=" + server);
                    var updates = "[" + string.Join(",", Enumerable.Range(0, units).Select(unit => "{\"communityUserId\":\"" + server + "-" + unit
                        + "\",\"location\":\"Street " + move + "\",\"coordinates\":{\"x\":" + move + ",\"y\":0,\"z\":0,\"w\":0}}").ToArray()) + "]";
                    var clock = Stopwatch.StartNew();
                    session.SendUnitLocations(updates);
                    spent += clock.Elapsed;
                    Thread.Sleep((int)Math.Max(0, move * tickMs - sending.ElapsedMilliseconds));
                }

                List<Call> calls;
                var patience = Stopwatch.StartNew();
                var last = "Street " + moves;
                do
                {
                    Assert.True(patience.ElapsedMilliseconds < 2 * Native.Patience, "units are missing");
                    Thread.Sleep(100);
                    calls = Calls(server);
                } while (calls.SelectMany(call => call.Units).Where(unit => unit.Value == last).Select(unit => unit.Key).Distinct().Count() < units);

                foreach (var call in calls)
                    Assert.True(call.Units.Count <= 25 && call.Bytes <= 32768, call.Units.Count + " units in " + call.Bytes + " bytes");
                foreach (var link in calls.GroupBy(call => call.Connection))
                {
                    // Over the whole series: a busy machine may delay single calls.
                    var span = link.Max(call => call.AtMs) - link.Min(call => call.AtMs);
                    Assert.True(span >= 200 * (link.Count() - 1), link.Count() + " calls in " + span + " ms");
                }
                Assert.Equal(2, calls.Select(call => call.Connection).Distinct().Count());
                SonoranEvent told;
                while ((told = session.Poll()) != null) Assert.NotEqual("SESSION_UNITS_REJECTED", told.Type);
                var oldest = calls.SelectMany(call => call.Units.Select(unit => new { unit.Key, call.AtMs })).GroupBy(sent => sent.Key)
                    .Max(unit => unit.Zip(unit.Skip(1), (one, next) => next.AtMs - one.AtMs).DefaultIfEmpty().Max());
                Console.WriteLine("csharp: {0} units at 20 Hz: {1} calls, each unit's last position arrived, the longest wait of a unit was {2:0.0} s; {3:0} us per hand-over",
                    units, calls.Count, oldest / 1000, spent.TotalMilliseconds * 1000 / moves);
            }
        }

        private sealed class Call
        {
            internal string Connection;
            internal double AtMs;
            internal int Bytes;
            internal List<KeyValuePair<string, string>> Units;
        }

        /// <summary>The unitLocation calls that the hub received for a server, in order.</summary>
        private static List<Call> Calls(int server)
        {
            var calls = Hub.Elements(Hub.Shared.Get("/control/calls"))
                .Where(call => Json.Text(call, "serverId") == server.ToString() && Json.Text(call, "method") == "unitLocation");
            return calls.Select(call =>
            {
                var argument = Json.Raw(call, "argument");
                return new Call
                {
                    Connection = Json.Text(call, "connectionId"),
                    AtMs = double.Parse(Json.Text(call, "atMs"), CultureInfo.InvariantCulture),
                    Bytes = argument.Length,
                    Units = Hub.Elements(argument).Select(unit => new KeyValuePair<string, string>(Json.Text(unit, "communityUserId"), Json.Text(unit, "location"))).ToList(),
                };
            }).OrderBy(call => call.AtMs).ToList();
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
