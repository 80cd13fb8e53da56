using CitizenFX.Core;

/// <summary>What every resource pays for: a tick that does nothing.</summary>
public sealed class IdleScript : BaseScript
{
    public IdleScript()
    {
        Tick += () => System.Threading.Tasks.Task.FromResult(0);
    }
}
