using System;
using System.Threading;
using CitizenFX.Core;
using Sonoran.Events;

/// <summary>A resource with a session of its own, which it awaits in each way that C# has.</summary>
public sealed class Waiter : BaseScript
{
    private int _ready, _heard;

    public Waiter()
    {
        Exports.Add("listen", new Func<string, string, object>((library, options) =>
        {
            var session = SonoranLibrary.Load(library).Connect(options);
            Listen(session);
            ListenInSteps(session);
            return true;
        }));
        Exports.Add("heard", new Func<object>(() => new object[] { _ready, _heard }));
    }

    private async void Listen(SonoranSession session)
    {
        while (true) Hear(await session.WaitAsync());
    }

    private async void ListenInSteps(SonoranSession session)
    {
        while (true) Hear(await session.WaitAsync(60000));
    }

    // Below bodacious what follows an await runs on another thread.
    private void Hear(SonoranEvent heard)
    {
        if (heard.Type == "SESSION_READY") Interlocked.Increment(ref _ready);
        if (heard.Type == "EVENT_911") Interlocked.Increment(ref _heard);
    }
}
