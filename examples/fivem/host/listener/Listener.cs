using System;
using System.Collections.Generic;
using CitizenFX.Core;

/// <summary>A separate resource that listens in C#, to single events or to lists, and counts.</summary>
public sealed class CountingListener : BaseScript
{
    private int _singles, _listed;
    private long _characters;

    public CountingListener()
    {
        EventHandlers["sonoran:EVENT_UNIT_STATUS"] += new Action<string, int>((json, server) =>
        {
            _singles++;
            _characters += json.Length;
        });
        EventHandlers["sonoran:events"] += new Action<List<object>>(events =>
        {
            foreach (List<object> entry in events)
            {
                if (((string)entry[0]).StartsWith("SESSION_", StringComparison.Ordinal)) continue;
                _listed++;
                _characters += ((string)entry[1]).Length;
            }
        });
        Exports.Add("count", new Func<object>(() => new object[] { _singles, _listed, _characters }));
        Exports.Add("askForLists", new Func<object>(() =>
        {
            TriggerEvent("sonoran:listen");
            return true;
        }));
    }
}
