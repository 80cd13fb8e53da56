#if !NETCOREAPP // the Enhanced server leaves .NET's scheduler alone
using System.Collections.Generic;
using System.Linq;
using Sonoran.Tests;
using Xunit;

namespace FxServerHost
{
    /// <summary>A resource below bodacious, where a task that waits on a thread of the pool would stop the server.</summary>
    public class WaitingTests
    {
        [Fact]
        public void AWaitStopsNoTick()
        {
            int server;
            using (var fx = ResourceTests.Configured(Hub.Shared, out server))
            {
                fx.AddFolder("waiter", FxServer.Folder("waiter"));
                fx.Start("waiter");
                fx.Export("waiter", "listen", Hub.Needed("SONORAN_LIBRARY"),
                    "{\"communityId\":\"demo\",\"apiKey\":\"" + Hub.ApiKey + "\",\"serverId\":" + server + ",\"url\":\"" + Hub.Shared.HubUrl + "\"}");
                fx.Until(() => Counts(fx)[0] == 1, "the session");
                // Nothing comes, and the server goes on. A wait in its thread would not come back from one of these ticks.
                fx.Ticks(20);
                const int events = 5;
                for (var sent = 0; sent < events; sent++) Hub.Shared.Push(server, "{\"type\":\"EVENT_911\"}");
                fx.Until(() => Counts(fx)[1] == events, "the events");
                // Unloading ends the waits.
                fx.Stop("waiter");
            }
        }

        private static int[] Counts(FxServer fx)
        {
            return ((IEnumerable<object>)fx.Export("waiter", "heard")).Select(System.Convert.ToInt32).ToArray();
        }
    }
}
#endif
